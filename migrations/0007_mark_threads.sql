-- What a person does with a thread besides talking: pin it, put it away, delete it. A deleted thread
-- is gone for everybody at once, and from the disk after the seconds in which it can be brought
-- back. One deletion may be of many threads; its id is what an undo names.
ALTER TABLE chatkit_thread
    ADD COLUMN pinned_at   timestamptz,
    ADD COLUMN archived_at timestamptz,
    ADD COLUMN deleted_at  timestamptz,
    ADD COLUMN deletion_id text;

-- The list shows what is neither put away nor deleted; so does its index.
DROP INDEX chatkit_thread_by_activity;
CREATE INDEX chatkit_thread_by_activity
    ON chatkit_thread (user_id, last_message_at DESC, id DESC)
 WHERE archived_at IS NULL AND deleted_at IS NULL;

CREATE INDEX chatkit_thread_archived
    ON chatkit_thread (user_id, last_message_at DESC, id DESC)
 WHERE archived_at IS NOT NULL AND deleted_at IS NULL;

CREATE INDEX chatkit_thread_pinned
    ON chatkit_thread (user_id) WHERE pinned_at IS NOT NULL;

-- Finds the few that wait for their end, oldest first, and those of one deletion.
CREATE INDEX chatkit_thread_deleted
    ON chatkit_thread (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX chatkit_thread_deletion
    ON chatkit_thread (user_id, deletion_id) WHERE deletion_id IS NOT NULL;
