// A web application without any code for sign-in. A reverse proxy in front of it lets only signed-in users through, and says
// who they are in three headers. Nothing else may be able to reach this port.
import { createServer } from 'node:http'

const notes = new Map()

const server = createServer(async (request, response) => {
  // Identify users by their id. An email address can change, and may be unverified.
  const user = request.headers['x-auth-user']
  if (!user) return response.writeHead(500).end('No proxy in front of this application says who you are.\n')
  if (request.method === 'POST') {
    notes.set(user, [...(notes.get(user) ?? []), new URLSearchParams(await body(request)).get('note') ?? ''])
    return response.writeHead(303, { Location: '/' }).end()
  }
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' })
  response.end(page(decodeURIComponent(request.headers['x-auth-email']), notes.get(user) ?? []))
})

const page = (email, notes) => `<!doctype html>
<html lang="en">
  <meta name="viewport" content="width=device-width">
  <title>Notes</title>
  <main>
    <h1>Notes</h1>
    <p>Signed in as <b>${escape(email)}</b>. <a href="/.countersign/signout">Sign out</a></p>
    <ul>${notes.map((note) => `<li>${escape(note)}</li>`).join('')}</ul>
    <form method="post"><label>New note <input name="note" required maxlength="200"></label> <button>Save</button></form>
  </main>
</html>
`

const escape = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`)

async function body(request) {
  const parts = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts).toString()
}

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
