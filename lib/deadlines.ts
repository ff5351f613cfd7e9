/**
 * How long we wait for whatever is outside of this process, all in one place: no call waits without an end. docs/runbook.md has
 * this table, and a test holds the two together.
 */

export interface Deadline {
  /** What is waited for. */
  readonly call: string;
  readonly ms: number;
  /** What happens when the time is over. */
  readonly afterwards: string;
}

export const DEADLINES = {
  health: {
    call: "each part of `GET /v1/health`, all at once, on connections of their own",
    ms: 800,
    afterwards: "the part is `silent`, and the answer says since when",
  },
  serverHealth: {
    call: "a running server that `dl health --url` asks",
    ms: 5_000,
    afterwards: "`dl health` exits 1",
  },
  otherProcesses: {
    call: "the other processes of a server that has several (`server.workers`), which are asked for their metrics and what runs behind them",
    ms: 600,
    afterwards: "`/metrics` goes without them; in `GET /v1/health` the queue and the mirror are in error",
  },
  keyCommand: {
    call: "the command of `DL_API_KEY_COMMAND`",
    ms: 30_000,
    afterwards: "`dl` has no key: the request is a `503`",
  },
  databaseConnection: {
    call: "a new connection to PostgreSQL",
    ms: 5_000,
    afterwards: "503 `DATABASE_UNAVAILABLE`",
  },
  databasePool: {
    call: "a free connection of the pool, or of a server that has no more (53300); setting `database.pool_timeout`",
    ms: 10_000,
    afterwards: "503 `DATABASE_OVERLOADED`",
  },
  commitTurn: {
    call: "the turn of a commit, while others of the same server are under way",
    ms: 10_000,
    afterwards: "503 `DATABASE_OVERLOADED`, nothing is written",
  },
  databaseLock: {
    call: "a lock that another commit of the same table holds (`lock_timeout`)",
    ms: 10_000,
    afterwards: "503 `DATABASE_BUSY`, nothing is written",
  },
  databaseStatement: {
    call: "a statement, by the server's own clock; setting `database.statement_timeout`; migrations have no limit",
    ms: 20_000,
    afterwards: "503 `DATABASE_TIMEOUT`, nothing is written",
  },
  databaseAnswer: {
    call: "the answer to a statement, where server or network are silent: so much longer than the statement itself may take",
    ms: 5_000,
    afterwards: "503 `DATABASE_UNAVAILABLE`; the connection is given up",
  },
  databaseIdleTransaction: {
    call: "the next statement of a transaction that holds locks (`idle_in_transaction_session_timeout`, on MySQL `wait_timeout`)",
    ms: 5_000,
    afterwards:
      "the server rolls back: a paused process holds up nobody; its client gets 503 `DATABASE_TRANSACTION_LOST`",
  },
  databaseUnreadAnswer: {
    call: "a client that no longer takes the bytes of an answer (`tcp_user_timeout` of the server)",
    ms: 5_000,
    afterwards: "the server rolls back and closes the connection",
  },
  lockedRound: {
    call: "the last round of a commit on a hot table, which decides with the locks held",
    ms: 15_000,
    afterwards: "503 `DATABASE_BUSY`, nothing is written",
  },
  dataApiConnection: {
    call: "a connection to the RDS Data API",
    ms: 3_000,
    afterwards: "the call is sent again for 20 s, then 503 `DATABASE_UNAVAILABLE`",
  },
  dataApiAnswer: {
    call: "the answer of the RDS Data API, which itself gives a statement 45 s",
    ms: 50_000,
    afterwards: "503 `DATABASE_UNAVAILABLE`",
  },
  sqliteLock: {
    call: "another process that writes to the SQLite file",
    ms: 10_000,
    afterwards: "503 `DATABASE_LOCKED`, nothing is written",
  },
  s3Connection: {
    call: "a connection to S3",
    ms: 3_000,
    afterwards: "the call is repeated, as below",
  },
  s3Silence: {
    call: "the next byte of S3, in either direction",
    ms: 8_000,
    afterwards: "the call is repeated, where that is safe",
  },
  s3SmallWrite: {
    call: "S3 to take a new object of up to 1 MiB, such as a version of a table, at one try",
    ms: 4_000,
    afterwards: "what is there is read back, and where that is nothing it is put once more",
  },
  s3Repeats: {
    call: "a repeat of a call to S3: none begins later",
    ms: 10_000,
    afterwards: "503, or the mirror tries again later",
  },
  s3Transfer: {
    call: "one call to S3 as a whole, however slowly its bytes come",
    ms: 60_000,
    afterwards: "the call is given up",
  },
  folder: {
    call: "one step in a folder: a file opened, written, flushed or listed",
    ms: 10_000,
    afterwards: "503, or the mirror tries again later; further calls of that folder fail at once until it answers",
  },
  filesAsked: {
    call: "the files that a commit names, where the request asks for the check",
    ms: 15_000,
    afterwards: "503 `FILES_NOT_VERIFIED`",
  },
  filesByDefault: {
    call: "the files that a commit names, where nobody asked",
    ms: 5_000,
    afterwards: "the commit goes on, and says that they were not looked at",
  },
  redisConnection: {
    call: "a connection to Redis",
    ms: 2_000,
    afterwards: "answers are made anew; it is tried again each second",
  },
  redisAnswer: {
    call: "the answer of Redis",
    ms: 250,
    afterwards: "the answer is made anew",
  },
  sqsConnection: {
    call: "a connection to SQS",
    ms: 1_000,
    afterwards: "the message is sent again, as below",
  },
  sqsAnswer: {
    call: "the answer of SQS",
    ms: 2_000,
    afterwards: "the message is sent again, as below",
  },
  wakeUp: {
    call: "SQS, that a commit has work for the mirror, all tries together: a hint",
    ms: 1_000,
    afterwards: "the commit is answered; the sweeper finds what was lost",
  },
  answer: {
    call: "the answer of a function behind API Gateway, which itself waits for 30 s",
    ms: 27_000,
    afterwards: "503 `ANSWER_LATE`: whether a commit was made, the same request tells",
  },
  reserve: {
    call: "whatever an invocation of a function has under way, as long before Lambda would end it",
    ms: 2_000,
    afterwards:
      "all of its calls end at once (`TIME_OVER`); records of a queue come again, each with its line in the log",
  },
  auditTrail: {
    call: "the row of a request in the audit trail, before a function answers it",
    ms: 1_000,
    afterwards: "the request is answered; the row is written with the next one, and a line of the log has it",
  },
  canaryCall: {
    call: "the API, when the canary asks it; the identity provider, for its token",
    ms: 30_000,
    afterwards: "the canary has failed",
  },
  canaryMirror: {
    call: "`_delta_log`, to have what the canary has committed",
    ms: 30_000,
    afterwards: "the canary has failed",
  },
  sqsRepeats: {
    call: "a repeat of a call to SQS: none begins later",
    ms: 2_500,
    afterwards: "whoever sends says that it failed, or the sweeper finds what was lost",
  },
  secretsConnection: {
    call: "a connection to Secrets Manager",
    ms: 2_000,
    afterwards: "asked once more, then the deployment fails",
  },
  secretsAnswer: {
    call: "the answer of Secrets Manager",
    ms: 5_000,
    afterwards: "asked once more, then the deployment fails",
  },
  frontSecret: {
    call: "Secrets Manager, that says what CloudFront sends now, before a request is answered",
    ms: 1_000,
    afterwards: "what was known holds; a value that is not known is refused",
  },
  stsConnection: {
    call: "a connection to STS, which lends access to data",
    ms: 2_000,
    afterwards: "asked once more, then 503 `CREDENTIALS_UNAVAILABLE`",
  },
  stsAnswer: {
    call: "the answer of STS",
    ms: 5_000,
    afterwards: "asked once more, then 503 `CREDENTIALS_UNAVAILABLE`",
  },
  mirrorSlot: {
    call: "the mirror of one table, in one of the slots of `dl serve`",
    ms: 500,
    afterwards: "another table gets the slot; this one goes on beside, and next time among the slow ones",
  },
  requestsAtStop: {
    call: "requests under way, after SIGTERM; half of `server.shutdown_seconds` at most",
    ms: 10_000,
    afterwards: "they are cut off",
  },
  backgroundStop: {
    call: "the mirror's thread of a server that ends, beyond the time that it has been given",
    ms: 1_000,
    afterwards: "it is given up: what is unpublished is published when a server runs again",
  },
  identityProvider: {
    call: "the keys of an identity provider (JWKS)",
    ms: 5_000,
    afterwards: "the keys that are known serve on; without any, 503",
  },
  tlsHandshake: {
    call: "a client that opens a connection with TLS",
    ms: 10_000,
    afterwards: "the connection is closed",
  },
  requestHeaders: {
    call: "a client that sends the headers of a request",
    ms: 15_000,
    afterwards: "408, and the connection is closed",
  },
  requestWork: {
    call: "the answer to a request, its turn included; setting `performance.async_io.task_timeout`",
    ms: 300_000,
    afterwards: "503 `REQUEST_TIMEOUT`; a commit may have been made: the same request again tells",
  },
  commitRounds: {
    call: "a commit that meets others, all of its rounds; setting `transactions.timeout_seconds`",
    ms: 300_000,
    afterwards: "503 `COMMIT_TIMEOUT`, nothing is written",
  },
  requestBody: {
    call: "a client that sends a request, its body too; setting `server.request_timeout_seconds`",
    ms: 120_000,
    afterwards: "408, and the connection is closed",
  },
  gatewayApi: {
    call: "the API, behind `dl gateway`",
    ms: 30_000,
    afterwards: "the engine gets 503, and sends its request again: it counts once",
  },
  gatewaySilence: {
    call: "an engine that neither sends nor takes bytes of a request to `dl gateway`",
    ms: 120_000,
    afterwards: "the connection is closed",
  },
  gatewayIdle: {
    call: "the next request of an engine on a connection to `dl gateway`",
    ms: 60_000,
    afterwards: "the connection is closed",
  },
  mirroredAnswer: {
    call: "the mirror, where a commit says `acknowledge: mirrored`",
    ms: 20_000,
    afterwards: "the answer says `IN_FLIGHT`; the commit is made",
  },
} as const satisfies Readonly<Record<string, Deadline>>;

export type DeadlineName = keyof typeof DEADLINES;

/** Milliseconds of a deadline. */
export function deadlineMs(name: DeadlineName): number {
  return DEADLINES[name].ms;
}
