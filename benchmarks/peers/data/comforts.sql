-- What a peer or the floor would want beside our own indices, for everyone alike.

-- The order of W2, W3 and of `deep`, and of the first deals and activities of W2.
CREATE INDEX peers_contact_stage ON contact (lifecycle_stage, created_at DESC, id DESC);
CREATE INDEX peers_contact_created ON contact (created_at DESC, id DESC);
CREATE INDEX peers_deal_contact ON deal (contact_id, created_at, id);
CREATE INDEX peers_activity_contact ON activity (contact_id, created_at DESC, id DESC);
