/** The tables of migrations/. */
export interface SearchTables {
  products: {
    id: number;
    tenant: string;
    product_id: string;
    category_key: string;
    currency: string;
    price: number;
    pieces: number | null;
    created: number;
  };
  product_texts: {
    id: number;
    name: string;
    description: string;
    category: string;
    amount: string;
    updated: number;
  };
  stocks: { tenant: string; product_id: string; shop_id: string; pieces: number };
  offers: {
    tenant: string;
    shop_id: string;
    product_id: string;
    withdrawn: number;
    amount: string | null;
    currency: string | null;
    price: number | null;
  };
  counters: { name: string; value: number };
}
