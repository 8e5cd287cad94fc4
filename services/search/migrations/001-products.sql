-- Products by what they are filtered, counted and sorted by. Narrow rows, of which a query reads thousands.
-- A price is in thousandths of its currency's unit; a time in epoch milliseconds; pieces are null until the
-- first stock event.
create table products (
  id integer primary key,
  tenant text not null,
  product_id text not null,
  category_key text not null,
  currency text not null,
  price bigint not null,
  pieces bigint,
  created bigint not null,
  unique (tenant, product_id)
);
create index products_by_category on products (tenant, category_key);

-- What is shown of a product.
create table product_texts (
  id integer primary key,
  name text not null,
  description text not null,
  category text not null,
  amount text not null,
  updated bigint not null
);

create table stocks (
  tenant text not null,
  product_id text not null,
  shop_id text not null,
  pieces bigint not null,
  primary key (tenant, product_id, shop_id)
);

-- The shop's own price is null if the price of the catalogue applies.
create table offers (
  tenant text not null,
  shop_id text not null,
  product_id text not null,
  withdrawn integer not null,
  amount text,
  currency text,
  price bigint,
  primary key (tenant, shop_id, product_id)
);

create table counters (name text primary key, value integer not null);
insert into counters (name, value) values ('product', 0);
