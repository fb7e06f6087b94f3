-- How often each person did what is limited, in the window that is running now: a row for each kind
-- of thing, so that all workers count together. Only the database's clock says when a window is over.
-- It says nothing about a conversation, and is deleted an hour after its window.
CREATE TABLE chatkit_limit (
    user_id text        NOT NULL,
    -- What is counted, in the words of its setting: turns_per_minute.
    kind    text        NOT NULL,
    ends_at timestamptz NOT NULL,
    taken   integer     NOT NULL,
    -- What the setting said when it was last counted, so that one can see who has reached it.
    most    integer     NOT NULL,
    CONSTRAINT chatkit_limit_pkey PRIMARY KEY (user_id, kind)
-- No further index, and room in each page: so counting stays an update within its page.
) WITH (fillfactor = 50);

-- Behind the second wall like every table that has an owner (docs/decisions/0040), with the one door
-- for the statement that deletes what is long over.
CREATE POLICY chatkit_owner ON chatkit_limit
    USING (user_id = current_setting('threadkeeper.user_id', true));
CREATE POLICY chatkit_everybody_read ON chatkit_limit FOR SELECT
    USING (current_setting('threadkeeper.everybody', true) <> '');
CREATE POLICY chatkit_everybody_delete ON chatkit_limit FOR DELETE
    USING (current_setting('threadkeeper.everybody', true) <> '');
CREATE POLICY chatkit_everybody_lock ON chatkit_limit FOR UPDATE
    USING (current_setting('threadkeeper.everybody', true) <> '') WITH CHECK (false);
