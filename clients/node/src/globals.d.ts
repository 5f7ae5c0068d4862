// `req.user`, as the types of Express and of its other middleware name it.

declare namespace Express {
  interface User extends Readonly<import('@countersign/guard').User> {}
  interface Request {
    user?: User | undefined
  }
}
