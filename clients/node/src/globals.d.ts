// Declares `req.user` and `req.caller` like Express and its other middleware.

declare namespace Express {
  interface User extends Readonly<import('@countersign/guard').User> {}
  interface Request {
    user?: User | undefined
    caller?: import('@countersign/guard').Caller | undefined
  }
}
