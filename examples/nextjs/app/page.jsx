import Link from 'next/link'

export default function Home() {
  return (
    <>
      <h1>Shop</h1>
      <p>
        <Link href="/orders" prefetch={false}>
          Your orders
        </Link>
      </p>
    </>
  )
}
