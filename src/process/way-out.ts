/**
 * How long the way out may take, step by step and in this order; README tells the sum to whoever sets a
 * supervisor's stop timeout, and a test adds it up. The steps of other rooms are theirs: `DRAIN_MS` of the connection to Slack,
 * twice `GOODBYE_MS` of its sockets, twice `ABORT_LIMIT_MS` of the dispatcher, `POST_TIMEOUT_MS` of a call that is
 * under way.
 */

/** What runs at SIGTERM may take this long to end by itself. */
export const GRACE_MS = 10_000;
/** And what is due in Slack after that may take this long to get there. */
export const FLUSH_MS = 5_000;
/** Whatever still holds the process after its end has this long to let go. */
export const LINGER_MS = 5_000;
