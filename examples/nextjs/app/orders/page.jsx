import { requireSession } from '../../lib/auth.js'
import { addOrder, ordersOf } from '../../lib/orders.js'

export default async function Orders() {
  const { user } = await requireSession('/orders')
  return (
    <>
      <h1>Orders of {user.email}</h1>
      <ul>
        {ordersOf(user.id).map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
      <form action={addOrder}>
        <label>
          Product <input name="name" required />
        </label>
        <button>Order</button>
      </form>
    </>
  )
}
