-- Where the pages of a list ended. ChatKit's cursor is only an id, but the row behind it may be
-- deleted, or have moved to the top, before the next page is asked for; without these two tables
-- that page would skip or repeat what did not change.

-- A deleted item's place. Nothing of its content is kept.
CREATE TABLE chatkit_deleted_item (
    user_id   text   NOT NULL,
    thread_id text   NOT NULL,
    id        text   NOT NULL,
    position  bigint NOT NULL,
    CONSTRAINT chatkit_deleted_item_pkey PRIMARY KEY (user_id, thread_id, id),
    CONSTRAINT chatkit_deleted_item_thread FOREIGN KEY (user_id, thread_id)
        REFERENCES chatkit_thread (user_id, id) ON DELETE CASCADE
);

-- The activity that a thread had when a page of threads ended with it. Kept without a foreign key,
-- because it has to outlive the thread.
CREATE TABLE chatkit_thread_cursor (
    user_id         text        NOT NULL,
    thread_id       text        NOT NULL,
    last_message_at timestamptz NOT NULL,
    handed_out_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT chatkit_thread_cursor_pkey PRIMARY KEY (user_id, thread_id)
);
