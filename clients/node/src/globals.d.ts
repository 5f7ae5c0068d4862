// Declares `req.user` like Express and its other middleware.

declare namespace Express {
  interface User extends Readonly<import('@countersign/guard').User> {}
  interface Request {
    user?: User | undefined
  }
}
