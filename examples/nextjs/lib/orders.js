import { revalidatePath } from 'next/cache'
import { requireSession } from './auth.js'

// In place of a database.
const orders = (globalThis.orders ??= new Map())

export const ordersOf = (account) => orders.get(account) ?? []

/** A server action is a public endpoint: it checks the session itself. Next.js checks that the form is of this origin. */
export async function addOrder(form) {
  'use server'
  const { user } = await requireSession('/orders')
  orders.set(user.id, [...ordersOf(user.id), String(form.get('name'))])
  revalidatePath('/orders')
}
