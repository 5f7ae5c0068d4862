// A products API protected by Countersign. Signed-in users can read; adding products needs the scope products:write.
// npm install && ISSUER=http://127.0.0.1:8000 npm start
// Settings: ISSUER, AUDIENCE (default: the issuer), PORT (0 picks a free one).
import { createGuard } from '@countersign/guard'
import { protect, requireScope } from '@countersign/guard/express'
import express from 'express'

const { ISSUER = 'http://127.0.0.1:8000', AUDIENCE = ISSUER, PORT = '3000' } = process.env

const guard = createGuard({ issuer: ISSUER, audience: AUDIENCE })
const products = [{ id: 1, name: 'Umbrella', addedBy: null }]

const app = express()
app.use(protect(guard))
app.use(express.json())

app.get('/products', (req, res) => {
  res.json(products)
})

app.post('/products', requireScope('products:write'), (req, res) => {
  const name = req.body?.name
  if (typeof name !== 'string' || !name) return res.status(422).json({ detail: 'A product has a name.' })
  const product = { id: products.length + 1, name, addedBy: req.user.id }
  products.push(product)
  res.status(201).json(product)
})

const server = app.listen(Number(PORT), '127.0.0.1', (error) => {
  if (error) throw error
  console.log(`http://127.0.0.1:${server.address().port}`)
})

process.on('SIGTERM', () => {
  guard.close()
  server.close()
})
