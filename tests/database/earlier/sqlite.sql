-- alerts

CREATE TABLE alerts (
	alert_id INTEGER NOT NULL,
	name VARCHAR(128) NOT NULL,
	open_name VARCHAR(128),
	sentence TEXT NOT NULL,
	raised_ms BIGINT NOT NULL,
	cleared_ms BIGINT,
	told_raised TEXT NOT NULL,
	told_cleared TEXT NOT NULL,
	PRIMARY KEY (alert_id),
	UNIQUE (open_name)
)

-- audit

CREATE TABLE audit (
	seq INTEGER NOT NULL,
	at_ms BIGINT NOT NULL,
	who VARCHAR(128) NOT NULL,
	action VARCHAR(64) NOT NULL,
	about VARCHAR(128) NOT NULL,
	details TEXT NOT NULL,
	previous VARCHAR(64) NOT NULL,
	hash VARCHAR(64) NOT NULL,
	PRIMARY KEY (seq),
	UNIQUE (hash)
)

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'audit is written once and never changed'); END

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'audit is written once and never changed'); END

-- change_requests 1

CREATE TABLE change_requests (
	request_id INTEGER NOT NULL,
	state VARCHAR(16) NOT NULL,
	author VARCHAR(128) NOT NULL,
	name VARCHAR(64) NOT NULL,
	rules TEXT NOT NULL,
	why TEXT NOT NULL,
	answers TEXT NOT NULL,
	policy VARCHAR(16) NOT NULL,
	share FLOAT NOT NULL,
	base_version VARCHAR(128) NOT NULL,
	revision INTEGER NOT NULL,
	needed INTEGER NOT NULL,
	evidence VARCHAR(64) NOT NULL,
	starts_ms BIGINT NOT NULL,
	expires_ms BIGINT NOT NULL,
	time_zone VARCHAR(64) NOT NULL,
	break_glass TEXT NOT NULL,
	version VARCHAR(128) NOT NULL,
	live_share FLOAT NOT NULL,
	created_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	PRIMARY KEY (request_id)
)

CREATE UNIQUE INDEX one_live ON change_requests (state) WHERE state = 'live' AND live_share >= 1

CREATE UNIQUE INDEX one_canary ON change_requests (state) WHERE state = 'live' AND live_share < 1

CREATE TRIGGER change_requests_state_steps BEFORE UPDATE OF state ON change_requests WHEN OLD.state <> NEW.state AND NOT ((OLD.state = 'draft' AND NEW.state IN ('submitted', 'withdrawn')) OR (OLD.state = 'submitted' AND NEW.state IN ('draft', 'approved', 'rejected', 'withdrawn', 'expired', 'live')) OR (OLD.state = 'approved' AND NEW.state IN ('draft', 'rejected', 'scheduled', 'live', 'withdrawn', 'expired')) OR (OLD.state = 'scheduled' AND NEW.state IN ('draft', 'rejected', 'approved', 'live', 'withdrawn', 'expired')) OR (OLD.state = 'live' AND NEW.state IN ('superseded', 'rolled back', 'expired')) OR (OLD.state = 'superseded' AND NEW.state IN ('live')) OR (OLD.state = 'rolled back' AND NEW.state IN ('live')) OR (OLD.state = 'rejected' AND NEW.state IN ('draft')) OR (OLD.state = 'expired' AND NEW.state IN ('live'))) BEGIN SELECT RAISE(ABORT, 'this is no legal step of change_requests'); END

CREATE TRIGGER change_requests_no_delete BEFORE DELETE ON change_requests WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'change requests are kept for ever'); END

CREATE TRIGGER change_requests_begin BEFORE INSERT ON change_requests WHEN NEW.state <> 'draft' BEGIN SELECT RAISE(ABORT, 'a change request begins as a draft'); END

CREATE TRIGGER change_requests_author BEFORE UPDATE ON change_requests WHEN OLD.author <> NEW.author OR (OLD.break_glass <> '' AND NEW.break_glass <> OLD.break_glass) BEGIN SELECT RAISE(ABORT, 'the author and a broken glass stay for ever'); END

CREATE TRIGGER change_requests_edit BEFORE UPDATE ON change_requests WHEN (OLD.rules <> NEW.rules OR OLD.share <> NEW.share OR OLD.policy <> NEW.policy) AND NOT (NEW.state = 'draft' AND NEW.revision > OLD.revision) BEGIN SELECT RAISE(ABORT, 'an edit needs a new revision, as a draft'); END

CREATE TRIGGER change_requests_publishing BEFORE UPDATE ON change_requests WHEN EXISTS (SELECT 1 FROM releases r WHERE r.state = 'pending' AND r.request_id = NEW.request_id) BEGIN SELECT RAISE(ABORT, 'this change is just being published'); END

CREATE TRIGGER change_requests_approvals BEFORE UPDATE OF state ON change_requests WHEN NEW.state IN ('approved', 'scheduled', 'live') AND OLD.state IN ('submitted', 'approved', 'scheduled') AND NEW.break_glass = '' AND ((SELECT COUNT(*) FROM decisions d WHERE d.request_id = NEW.request_id AND d.revision = NEW.revision AND d.verdict = 'approve') < NEW.needed OR EXISTS (SELECT 1 FROM decisions d WHERE d.request_id = NEW.request_id AND d.revision = NEW.revision AND d.verdict = 'decline')) BEGIN SELECT RAISE(ABORT, 'this change lacks approvals'); END

-- change_requests 1 widened

CREATE TABLE change_requests (
	request_id INTEGER NOT NULL,
	state VARCHAR(16) NOT NULL,
	author VARCHAR(128) NOT NULL,
	name VARCHAR(64) NOT NULL,
	rules TEXT NOT NULL,
	why TEXT NOT NULL,
	answers TEXT NOT NULL,
	policy VARCHAR(16) NOT NULL,
	share FLOAT NOT NULL,
	base_version VARCHAR(128) NOT NULL,
	revision INTEGER NOT NULL,
	needed INTEGER NOT NULL,
	evidence VARCHAR(64) NOT NULL,
	starts_ms BIGINT NOT NULL,
	expires_ms BIGINT NOT NULL,
	time_zone VARCHAR(64) NOT NULL,
	break_glass TEXT NOT NULL,
	version VARCHAR(128) NOT NULL,
	live_share FLOAT NOT NULL,
	created_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	PRIMARY KEY (request_id)
)

ALTER TABLE change_requests ADD COLUMN break_revision INTEGER NOT NULL

ALTER TABLE change_requests ADD COLUMN scheduled_by VARCHAR(128) NOT NULL

CREATE UNIQUE INDEX one_live ON change_requests (state) WHERE state = 'live' AND live_share >= 1

CREATE UNIQUE INDEX one_canary ON change_requests (state) WHERE state = 'live' AND live_share < 1

CREATE TRIGGER change_requests_state_steps BEFORE UPDATE OF state ON change_requests WHEN OLD.state <> NEW.state AND NOT ((OLD.state = 'draft' AND NEW.state IN ('submitted', 'withdrawn')) OR (OLD.state = 'submitted' AND NEW.state IN ('draft', 'approved', 'rejected', 'withdrawn', 'expired', 'live')) OR (OLD.state = 'approved' AND NEW.state IN ('draft', 'rejected', 'scheduled', 'live', 'withdrawn', 'expired')) OR (OLD.state = 'scheduled' AND NEW.state IN ('draft', 'rejected', 'approved', 'live', 'withdrawn', 'expired')) OR (OLD.state = 'live' AND NEW.state IN ('superseded', 'rolled back', 'expired')) OR (OLD.state = 'superseded' AND NEW.state IN ('live')) OR (OLD.state = 'rolled back' AND NEW.state IN ('live')) OR (OLD.state = 'rejected' AND NEW.state IN ('draft')) OR (OLD.state = 'expired' AND NEW.state IN ('live'))) BEGIN SELECT RAISE(ABORT, 'this is no legal step of change_requests'); END

CREATE TRIGGER change_requests_no_delete BEFORE DELETE ON change_requests WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'change requests are kept for ever'); END

CREATE TRIGGER change_requests_begin BEFORE INSERT ON change_requests WHEN NEW.state <> 'draft' BEGIN SELECT RAISE(ABORT, 'a change request begins as a draft'); END

CREATE TRIGGER change_requests_author BEFORE UPDATE ON change_requests WHEN OLD.author <> NEW.author OR (OLD.break_glass <> '' AND NEW.break_glass <> OLD.break_glass) BEGIN SELECT RAISE(ABORT, 'the author and a broken glass stay for ever'); END

CREATE TRIGGER change_requests_edit BEFORE UPDATE ON change_requests WHEN (OLD.rules <> NEW.rules OR OLD.share <> NEW.share OR OLD.policy <> NEW.policy) AND NOT (NEW.state = 'draft' AND NEW.revision > OLD.revision) BEGIN SELECT RAISE(ABORT, 'an edit needs a new revision, as a draft'); END

CREATE TRIGGER change_requests_publishing BEFORE UPDATE ON change_requests WHEN EXISTS (SELECT 1 FROM releases r WHERE r.state = 'pending' AND r.request_id = NEW.request_id) BEGIN SELECT RAISE(ABORT, 'this change is just being published'); END

CREATE TRIGGER change_requests_approvals BEFORE UPDATE OF state ON change_requests WHEN NEW.state IN ('approved', 'scheduled', 'live') AND OLD.state IN ('submitted', 'approved', 'scheduled') AND NEW.break_glass = '' AND ((SELECT COUNT(*) FROM decisions d WHERE d.request_id = NEW.request_id AND d.revision = NEW.revision AND d.verdict = 'approve') < NEW.needed OR EXISTS (SELECT 1 FROM decisions d WHERE d.request_id = NEW.request_id AND d.revision = NEW.revision AND d.verdict = 'decline')) BEGIN SELECT RAISE(ABORT, 'this change lacks approvals'); END

-- change_requests 2

CREATE TABLE change_requests (
	request_id INTEGER NOT NULL,
	state VARCHAR(16) NOT NULL,
	author VARCHAR(128) NOT NULL,
	name VARCHAR(64) NOT NULL,
	rules TEXT NOT NULL,
	why TEXT NOT NULL,
	answers TEXT NOT NULL,
	policy VARCHAR(16) NOT NULL,
	share FLOAT NOT NULL,
	base_version VARCHAR(128) NOT NULL,
	revision INTEGER NOT NULL,
	needed INTEGER NOT NULL,
	evidence VARCHAR(64) NOT NULL,
	starts_ms BIGINT NOT NULL,
	expires_ms BIGINT NOT NULL,
	time_zone VARCHAR(64) NOT NULL,
	break_glass TEXT NOT NULL,
	break_revision INTEGER NOT NULL,
	scheduled_by VARCHAR(128) NOT NULL,
	version VARCHAR(128) NOT NULL,
	live_share FLOAT NOT NULL,
	created_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	PRIMARY KEY (request_id)
)

CREATE UNIQUE INDEX one_canary ON change_requests (state) WHERE state = 'live' AND live_share < 1

CREATE UNIQUE INDEX one_live ON change_requests (state) WHERE state = 'live' AND live_share >= 1

CREATE TRIGGER change_requests_state_steps BEFORE UPDATE OF state ON change_requests WHEN OLD.state <> NEW.state AND NOT ((OLD.state = 'draft' AND NEW.state IN ('submitted', 'withdrawn')) OR (OLD.state = 'submitted' AND NEW.state IN ('draft', 'approved', 'rejected', 'withdrawn', 'expired', 'live')) OR (OLD.state = 'approved' AND NEW.state IN ('draft', 'rejected', 'scheduled', 'live', 'withdrawn', 'expired')) OR (OLD.state = 'scheduled' AND NEW.state IN ('draft', 'rejected', 'approved', 'live', 'withdrawn', 'expired')) OR (OLD.state = 'live' AND NEW.state IN ('superseded', 'rolled back', 'expired')) OR (OLD.state = 'superseded' AND NEW.state IN ('live')) OR (OLD.state = 'rolled back' AND NEW.state IN ('live')) OR (OLD.state = 'rejected' AND NEW.state IN ('draft')) OR (OLD.state = 'expired' AND NEW.state IN ('live'))) BEGIN SELECT RAISE(ABORT, 'this is no legal step of change_requests'); END

CREATE TRIGGER change_requests_no_delete BEFORE DELETE ON change_requests WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'change requests are kept for ever'); END

CREATE TRIGGER change_requests_begin BEFORE INSERT ON change_requests WHEN NEW.state <> 'draft' BEGIN SELECT RAISE(ABORT, 'a change request begins as a draft'); END

CREATE TRIGGER change_requests_author BEFORE UPDATE ON change_requests WHEN OLD.author <> NEW.author OR (OLD.break_glass <> '' AND NEW.break_glass <> OLD.break_glass) BEGIN SELECT RAISE(ABORT, 'the author and a broken glass stay for ever'); END

CREATE TRIGGER change_requests_edit BEFORE UPDATE ON change_requests WHEN (OLD.rules <> NEW.rules OR OLD.share <> NEW.share OR OLD.policy <> NEW.policy) AND NOT (NEW.state = 'draft' AND NEW.revision > OLD.revision) BEGIN SELECT RAISE(ABORT, 'an edit needs a new revision, as a draft'); END

CREATE TRIGGER change_requests_publishing BEFORE UPDATE ON change_requests WHEN EXISTS (SELECT 1 FROM releases r WHERE r.state = 'pending' AND r.request_id = NEW.request_id) BEGIN SELECT RAISE(ABORT, 'this change is just being published'); END

CREATE TRIGGER change_requests_approvals BEFORE UPDATE OF state ON change_requests WHEN NEW.state IN ('approved', 'scheduled', 'live') AND OLD.state IN ('submitted', 'approved', 'scheduled') AND NEW.break_revision <> NEW.revision AND ((SELECT COUNT(*) FROM decisions d WHERE d.request_id = NEW.request_id AND d.revision = NEW.revision AND d.verdict = 'approve') < NEW.needed OR EXISTS (SELECT 1 FROM decisions d WHERE d.request_id = NEW.request_id AND d.revision = NEW.revision AND d.verdict = 'decline')) BEGIN SELECT RAISE(ABORT, 'this change lacks approvals'); END

-- decisions

CREATE TABLE decisions (
	request_id INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	who VARCHAR(128) NOT NULL,
	verdict VARCHAR(16) NOT NULL,
	comment TEXT NOT NULL,
	at_ms BIGINT NOT NULL,
	PRIMARY KEY (request_id, revision, who)
)

CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'decisions is written once and never changed'); END

CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'decisions is written once and never changed'); END

CREATE TRIGGER decisions_four_eyes BEFORE INSERT ON decisions WHEN EXISTS (SELECT 1 FROM change_requests r WHERE r.request_id = NEW.request_id AND r.author = NEW.who AND NEW.verdict = 'approve') BEGIN SELECT RAISE(ABORT, 'nobody approves their own change'); END

CREATE TRIGGER decisions_current BEFORE INSERT ON decisions WHEN NOT EXISTS (SELECT 1 FROM change_requests r WHERE r.request_id = NEW.request_id AND r.revision = NEW.revision AND r.state IN ('submitted', 'approved', 'scheduled')) BEGIN SELECT RAISE(ABORT, 'this revision is not open for decisions'); END

-- evidence

CREATE TABLE evidence (
	sha256 VARCHAR(64) NOT NULL,
	request_id INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	document TEXT NOT NULL,
	created_ms BIGINT NOT NULL,
	PRIMARY KEY (sha256)
)

CREATE TRIGGER evidence_no_update BEFORE UPDATE ON evidence WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'evidence is written once and never changed'); END

CREATE TRIGGER evidence_no_delete BEFORE DELETE ON evidence WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'evidence is written once and never changed'); END

-- jobs 1

CREATE TABLE jobs (
	job_id VARCHAR(32) NOT NULL,
	kind VARCHAR(64) NOT NULL,
	arguments TEXT NOT NULL,
	state VARCHAR(16) NOT NULL,
	fraction FLOAT NOT NULL,
	message TEXT NOT NULL,
	result TEXT NOT NULL,
	pid INTEGER NOT NULL,
	cancel BOOLEAN NOT NULL,
	created_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	PRIMARY KEY (job_id)
)

-- jobs 2

CREATE TABLE jobs (
	job_id VARCHAR(32) NOT NULL,
	kind VARCHAR(64) NOT NULL,
	arguments TEXT NOT NULL,
	state VARCHAR(16) NOT NULL,
	fraction FLOAT NOT NULL,
	message TEXT NOT NULL,
	result TEXT NOT NULL,
	pid INTEGER NOT NULL,
	cancel BOOLEAN NOT NULL,
	created_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	who VARCHAR(128) DEFAULT '' NOT NULL,
	PRIMARY KEY (job_id)
)

-- limits

CREATE TABLE limits (
	name VARCHAR(64) NOT NULL,
	value FLOAT NOT NULL,
	PRIMARY KEY (name)
)

-- people

CREATE TABLE people (
	login VARCHAR(128) NOT NULL,
	name VARCHAR(128) NOT NULL,
	role VARCHAR(32) NOT NULL,
	origin VARCHAR(16) NOT NULL,
	password TEXT NOT NULL,
	must_change BOOLEAN NOT NULL,
	failed INTEGER NOT NULL,
	locked_until_ms BIGINT NOT NULL,
	is_active BOOLEAN NOT NULL,
	created_ms BIGINT NOT NULL,
	PRIMARY KEY (login)
)

-- price_experiments

CREATE TABLE price_experiments (
	experiment_id VARCHAR(64) NOT NULL,
	state VARCHAR(16) NOT NULL,
	question TEXT NOT NULL,
	arms TEXT NOT NULL,
	metric VARCHAR(16) NOT NULL,
	effect FLOAT NOT NULL,
	alpha FLOAT NOT NULL,
	power FLOAT NOT NULL,
	tolerated_drop FLOAT NOT NULL,
	planned_sessions BIGINT NOT NULL,
	baseline TEXT NOT NULL,
	salt VARCHAR(64) NOT NULL,
	author VARCHAR(128) NOT NULL,
	created_ms BIGINT NOT NULL,
	started_by VARCHAR(128) NOT NULL,
	started_ms BIGINT NOT NULL,
	stopped_by VARCHAR(128) NOT NULL,
	stopped_ms BIGINT NOT NULL,
	why TEXT NOT NULL,
	PRIMARY KEY (experiment_id)
)

CREATE UNIQUE INDEX one_running_experiment ON price_experiments (state) WHERE state = 'running'

CREATE TRIGGER price_experiments_state_steps BEFORE UPDATE OF state ON price_experiments WHEN OLD.state <> NEW.state AND NOT ((OLD.state = 'draft' AND NEW.state IN ('running', 'stopped')) OR (OLD.state = 'running' AND NEW.state IN ('stopped'))) BEGIN SELECT RAISE(ABORT, 'this is no legal step of price_experiments'); END

CREATE TRIGGER price_experiments_no_delete BEFORE DELETE ON price_experiments WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'price experiments are kept for ever'); END

CREATE TRIGGER price_experiments_begin BEFORE INSERT ON price_experiments WHEN NEW.state <> 'draft' BEGIN SELECT RAISE(ABORT, 'a price experiment begins as a draft'); END

CREATE TRIGGER price_experiments_plan BEFORE UPDATE ON price_experiments WHEN OLD.question <> NEW.question OR OLD.arms <> NEW.arms OR OLD.metric <> NEW.metric OR OLD.effect <> NEW.effect OR OLD.alpha <> NEW.alpha OR OLD.power <> NEW.power OR OLD.tolerated_drop <> NEW.tolerated_drop OR OLD.planned_sessions <> NEW.planned_sessions OR OLD.baseline <> NEW.baseline OR OLD.salt <> NEW.salt BEGIN SELECT RAISE(ABORT, 'the plan of a price experiment stays as it was made'); END

-- release_documents

CREATE TABLE release_documents (
	version VARCHAR(128) NOT NULL,
	document TEXT NOT NULL,
	sha256 VARCHAR(64) NOT NULL,
	PRIMARY KEY (version)
)

CREATE TRIGGER release_documents_no_update BEFORE UPDATE ON release_documents WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'release_documents is written once and never changed'); END

CREATE TRIGGER release_documents_no_delete BEFORE DELETE ON release_documents WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'release_documents is written once and never changed'); END

-- releases

CREATE TABLE releases (
	epoch INTEGER NOT NULL,
	kind VARCHAR(16) NOT NULL,
	state VARCHAR(16) NOT NULL,
	request_id INTEGER NOT NULL,
	version VARCHAR(128) NOT NULL,
	share FLOAT NOT NULL,
	stable VARCHAR(128) NOT NULL,
	salt VARCHAR(64) NOT NULL,
	is_killed BOOLEAN NOT NULL,
	policy VARCHAR(16) NOT NULL,
	lowest_markup FLOAT NOT NULL,
	highest_markup FLOAT NOT NULL,
	who VARCHAR(128) NOT NULL,
	why TEXT NOT NULL,
	audit_seq BIGINT NOT NULL,
	audit_hash VARCHAR(64) NOT NULL,
	at_ms BIGINT NOT NULL,
	PRIMARY KEY (epoch)
)

CREATE UNIQUE INDEX one_pending ON releases (state) WHERE state = 'pending'

CREATE TRIGGER releases_state_steps BEFORE UPDATE OF state ON releases WHEN OLD.state <> NEW.state AND NOT ((OLD.state = 'pending' AND NEW.state IN ('done', 'failed'))) BEGIN SELECT RAISE(ABORT, 'this is no legal step of releases'); END

CREATE TRIGGER releases_no_delete BEFORE DELETE ON releases WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'releases are kept for ever'); END

CREATE TRIGGER releases_rise BEFORE INSERT ON releases WHEN NEW.epoch <= (SELECT COALESCE(MAX(epoch), 0) FROM releases) BEGIN SELECT RAISE(ABORT, 'epochs only rise'); END

-- sign_ins

CREATE TABLE sign_ins (
	token_hash VARCHAR(64) NOT NULL,
	login VARCHAR(128) NOT NULL,
	created_ms BIGINT NOT NULL,
	expires_ms BIGINT NOT NULL,
	PRIMARY KEY (token_hash)
)

-- turns

CREATE TABLE turns (
	work VARCHAR(64) NOT NULL,
	due VARCHAR(64) NOT NULL,
	taken_ms BIGINT NOT NULL,
	PRIMARY KEY (work, due)
)

-- watch

CREATE TABLE watch (
	what VARCHAR(32) NOT NULL,
	checked_ms BIGINT NOT NULL,
	since_ms BIGINT NOT NULL,
	told TEXT NOT NULL,
	PRIMARY KEY (what)
)
