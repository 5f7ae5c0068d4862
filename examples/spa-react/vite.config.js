import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// The page and Countersign must have the same host: `localhost` and `127.0.0.1` are two sites, which share no cookies.
const server = { host: '127.0.0.1', port: 5173, strictPort: true }

export default defineConfig({ plugins: [react()], server, preview: server })
