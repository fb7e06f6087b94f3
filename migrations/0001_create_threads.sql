-- A person's conversations. The owner leads every key, so that no statement, not even one that
-- forgot to ask, can reach, overwrite or attach to another person's row; it is also the column by
-- which Citus and Neon scale out.
CREATE TABLE chatkit_thread (
    user_id         text        NOT NULL,
    id              text        NOT NULL,
    title           text,
    -- Who chose the title: a model may improve one made from the first message, never a person's.
    title_source    text        NOT NULL DEFAULT 'none'
                    CHECK (title_source IN ('none', 'message', 'model', 'user')),
    -- ChatKit's ThreadMetadata without its title. json rather than jsonb: what comes back has to
    -- equal what went in, to the digit and to the order of keys.
    document        json        NOT NULL,
    status          text        NOT NULL DEFAULT 'active'
                    CHECK (status IN ('active', 'locked', 'closed')),
    -- The place that the newest item took; the next one takes the following number.
    last_position   bigint      NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_message_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT chatkit_thread_pkey PRIMARY KEY (user_id, id)
);

-- Lets a page of the newest threads be read straight from the index, however many the person has.
CREATE INDEX chatkit_thread_by_activity
    ON chatkit_thread (user_id, last_message_at DESC, id DESC);
