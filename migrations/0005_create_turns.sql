-- A turn: one request, from the person's message to the last event of the answer. It belongs to the
-- server and not to the socket: whoever comes back finds it here, whichever worker runs it.
CREATE TABLE chatkit_turn (
    user_id         text        NOT NULL,
    id              text        NOT NULL,
    thread_id       text        NOT NULL,
    -- The message that is answered, if it is one.
    message_id      text,
    state           text        NOT NULL DEFAULT 'running'
                    CHECK (state IN ('running', 'done', 'stopped', 'interrupted', 'failed')),
    -- The process that runs the turn, and until when it is believed to be alive. Only the
    -- database's clock is asked: a dead process cannot say anything, and its clock may be wrong.
    worker          text        NOT NULL,
    lease_until     timestamptz NOT NULL,
    stop_requested  boolean     NOT NULL DEFAULT false,
    -- What makes a repeated send the same turn.
    idempotency_key text,
    request_hash    text,
    began_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at        timestamptz,
    CONSTRAINT chatkit_turn_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT chatkit_turn_thread FOREIGN KEY (user_id, thread_id)
        REFERENCES chatkit_thread (user_id, id) ON DELETE CASCADE
);

-- One turn at a time in a thread.
CREATE UNIQUE INDEX chatkit_turn_running
    ON chatkit_turn (user_id, thread_id) WHERE state = 'running';

-- One turn for a key, also when two workers are asked at the same moment.
CREATE UNIQUE INDEX chatkit_turn_key
    ON chatkit_turn (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Serves the foreign key when a thread is deleted.
CREATE INDEX chatkit_turn_by_thread ON chatkit_turn (user_id, thread_id);

-- Finds the few that run among all that ever did. Not by the lease, so that renewing one stays
-- an update within its page.
CREATE INDEX chatkit_turn_at_work ON chatkit_turn (began_at) WHERE state = 'running';

-- Finds those that are old enough to be forgotten.
CREATE INDEX chatkit_turn_by_end ON chatkit_turn (ended_at) WHERE ended_at IS NOT NULL;

-- What was streamed, a checkpoint a row: a reader on another worker follows it, a repeated send
-- replays it, and after a crash it holds the text so far.
CREATE TABLE chatkit_turn_event (
    user_id text    NOT NULL,
    turn_id text    NOT NULL,
    seq     integer NOT NULL,
    -- ChatKit events as JSON, one a line, text deltas joined.
    events  text    NOT NULL,
    CONSTRAINT chatkit_turn_event_pkey PRIMARY KEY (user_id, turn_id, seq),
    CONSTRAINT chatkit_turn_event_turn FOREIGN KEY (user_id, turn_id)
        REFERENCES chatkit_turn (user_id, id) ON DELETE CASCADE
);
