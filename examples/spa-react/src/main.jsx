import { AuthProvider } from '@countersign/client/react'
import { createRoot } from 'react-dom/client'
import { App } from './App.jsx'
import { auth } from './auth.js'

createRoot(document.getElementById('root')).render(
  <AuthProvider client={auth}>
    <App />
  </AuthProvider>,
)
