-- Attachment metadata, as ChatKit's store contract asks for. Files themselves are not accepted.
-- The thread is set when it exists, so that deleting the thread deletes this too.
CREATE TABLE chatkit_attachment (
    user_id    text        NOT NULL,
    id         text        NOT NULL,
    thread_id  text,
    document   json        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT chatkit_attachment_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT chatkit_attachment_thread FOREIGN KEY (user_id, thread_id)
        REFERENCES chatkit_thread (user_id, id) ON DELETE CASCADE
);

CREATE INDEX chatkit_attachment_by_thread ON chatkit_attachment (user_id, thread_id);
