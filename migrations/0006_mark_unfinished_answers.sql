-- How an answer ended when it did not end well: people see it beside the text, with a retry.
ALTER TABLE chatkit_thread_item
    ADD COLUMN outcome text CHECK (outcome IN ('stopped', 'interrupted', 'failed'));

-- An answer was finished while nobody was reading.
ALTER TABLE chatkit_thread ADD COLUMN unread boolean NOT NULL DEFAULT false;
