create table things (
  tenant text not null,
  thing text not null,
  value text not null,
  primary key (tenant, thing)
);
