-- What was said, in order. `position` comes from the thread's counter, taken in the statement that
-- inserts the item: a sequence would be seen out of order by readers, and clocks go back.
CREATE TABLE chatkit_thread_item (
    user_id    text        NOT NULL,
    thread_id  text        NOT NULL,
    position   bigint      NOT NULL,
    id         text        NOT NULL CHECK (id <> '__fake_id__'),
    kind       text        NOT NULL,
    -- ChatKit's ThreadItem, whole.
    document   json        NOT NULL,
    feedback   text        CHECK (feedback IN ('positive', 'negative')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT chatkit_thread_item_pkey PRIMARY KEY (user_id, thread_id, position),
    CONSTRAINT chatkit_thread_item_id UNIQUE (user_id, thread_id, id),
    CONSTRAINT chatkit_thread_item_thread FOREIGN KEY (user_id, thread_id)
        REFERENCES chatkit_thread (user_id, id) ON DELETE CASCADE
);
