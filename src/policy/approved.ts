declare const approved: unique symbol;

/**
 * A value that policy has judged and let pass. Only `policy/authorize.ts` makes one; the store and the queue
 * take nothing else, so the type checker sees to it that nothing runs unjudged.
 */
export type Approved<T> = T & { readonly [approved]: true };
