import { createClient } from '@countersign/client'

const { VITE_ISSUER = 'http://127.0.0.1:8000', VITE_API = 'http://127.0.0.1:3000' } = import.meta.env

export const auth = createClient(VITE_ISSUER, { origins: [VITE_API] })
export const products = `${VITE_API}/products`
