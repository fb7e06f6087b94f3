-- A second wall behind the owner in every statement: policies that say it once more. They are asleep
-- until ROW_LEVEL_SECURITY is on, see docs/decisions/0040. The owner of the tables walks through, so
-- that migrations, backups and workers from before go on as they are.
--
-- Each message to the database names its owner. One that names nobody sees nothing.
CREATE POLICY chatkit_owner ON chatkit_thread
    USING (user_id = current_setting('threadkeeper.user_id', true));
CREATE POLICY chatkit_owner ON chatkit_thread_item
    USING (user_id = current_setting('threadkeeper.user_id', true));
CREATE POLICY chatkit_owner ON chatkit_attachment
    USING (user_id = current_setting('threadkeeper.user_id', true));
CREATE POLICY chatkit_owner ON chatkit_deleted_item
    USING (user_id = current_setting('threadkeeper.user_id', true));
CREATE POLICY chatkit_owner ON chatkit_thread_cursor
    USING (user_id = current_setting('threadkeeper.user_id', true));
CREATE POLICY chatkit_owner ON chatkit_turn
    USING (user_id = current_setting('threadkeeper.user_id', true));
CREATE POLICY chatkit_owner ON chatkit_turn_event
    USING (user_id = current_setting('threadkeeper.user_id', true));

-- The few statements that serve a worker and not a person say so: no door to attachments or to
-- what turns streamed, and only as much elsewhere as those statements do. Written as `<> ''`
-- because PostgreSQL takes that for nearly always true: with `= 'on'` it expected a two-hundredth
-- of the rows, and chose plans for so few.
CREATE POLICY chatkit_everybody_read ON chatkit_thread FOR SELECT
    USING (current_setting('threadkeeper.everybody', true) <> '');
CREATE POLICY chatkit_everybody_delete ON chatkit_thread FOR DELETE
    USING (current_setting('threadkeeper.everybody', true) <> '');
CREATE POLICY chatkit_everybody_lock ON chatkit_thread FOR UPDATE
    USING (current_setting('threadkeeper.everybody', true) <> '') WITH CHECK (false);

CREATE POLICY chatkit_everybody_read ON chatkit_thread_item FOR SELECT
    USING (current_setting('threadkeeper.everybody', true) <> '');

CREATE POLICY chatkit_everybody_read ON chatkit_thread_cursor FOR SELECT
    USING (current_setting('threadkeeper.everybody', true) <> '');
CREATE POLICY chatkit_everybody_delete ON chatkit_thread_cursor FOR DELETE
    USING (current_setting('threadkeeper.everybody', true) <> '');
CREATE POLICY chatkit_everybody_lock ON chatkit_thread_cursor FOR UPDATE
    USING (current_setting('threadkeeper.everybody', true) <> '') WITH CHECK (false);

CREATE POLICY chatkit_everybody_read ON chatkit_turn FOR SELECT
    USING (current_setting('threadkeeper.everybody', true) <> '');
CREATE POLICY chatkit_everybody_delete ON chatkit_turn FOR DELETE
    USING (current_setting('threadkeeper.everybody', true) <> '');
CREATE POLICY chatkit_everybody_change ON chatkit_turn FOR UPDATE
    USING (current_setting('threadkeeper.everybody', true) <> '');

CREATE POLICY chatkit_everybody_add ON chatkit_turn_event FOR INSERT
    WITH CHECK (current_setting('threadkeeper.everybody', true) <> '');
