/// What the file holds, as the steps that lead there.
///
/// Times are microseconds since 1970, UTC. Tables are strict: a column holds the type it says. JSON stands where a record owns
/// a small list that is always read and written with it.
enum Schema {
    static let migrations: [Migration] = [
        Migration(number: 1, sql: sandboxes),
        Migration(number: 2, sql: billing),
        Migration(number: 3, sql: keysAndAudit),
        Migration(number: 4, sql: requests),
        Migration(number: 5, sql: catalog),
    ]

    private static let sandboxes = """
        CREATE TABLE sandboxes (
            serial INTEGER PRIMARY KEY,
            id TEXT NOT NULL,
            image TEXT NOT NULL,
            user_id TEXT NOT NULL,
            experiment_id TEXT NOT NULL,
            namespace TEXT NOT NULL,
            cluster_name TEXT NOT NULL,
            driver TEXT NOT NULL,
            isolation TEXT NOT NULL,
            cpus REAL NOT NULL,
            limit_cpus REAL,
            memory_bytes INTEGER NOT NULL,
            num_gpus REAL,
            accelerator_type TEXT,
            disk TEXT,
            disk_limit_rootfs TEXT,
            auth_token TEXT,
            authorization_encrypted TEXT,
            gray_flag INTEGER,
            auto_clear_seconds INTEGER,
            auto_archive_seconds INTEGER,
            auto_delete_seconds INTEGER,
            create_time INTEGER NOT NULL,
            blueprint BLOB,
            revision INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN
                ('pending', 'running', 'stopped', 'archiving', 'archived', 'deleted')),
            host_id TEXT NOT NULL,
            host_name TEXT NOT NULL,
            host_ip TEXT NOT NULL,
            phases TEXT NOT NULL,
            port_mapping TEXT NOT NULL,
            metadata TEXT NOT NULL,
            reason TEXT,
            start_time INTEGER,
            stop_time INTEGER,
            archive_time INTEGER,
            delete_time INTEGER,
            auto_stop_time INTEGER,
            auto_archive_time INTEGER,
            auto_delete_time INTEGER
        ) STRICT;
        -- An id names one sandbox; once deleted it may be used again.
        CREATE UNIQUE INDEX sandboxes_by_id ON sandboxes (id) WHERE state <> 'deleted';

        CREATE TABLE transitions (
            sandbox INTEGER NOT NULL REFERENCES sandboxes (serial) ON DELETE CASCADE,
            ordinal INTEGER NOT NULL,
            from_state TEXT,
            to_state TEXT NOT NULL,
            event TEXT NOT NULL,
            time INTEGER NOT NULL,
            PRIMARY KEY (sandbox, ordinal)
        ) STRICT, WITHOUT ROWID;

        -- Numbers that only grow, kept so that pruning rows does not turn them back.
        CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        """

    /// No reference to `sandboxes`: what was billed outlives the sandbox's own row.
    private static let billing = """
        CREATE TABLE billing (
            serial INTEGER PRIMARY KEY,
            sandbox INTEGER NOT NULL,
            sandbox_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            experiment_id TEXT NOT NULL,
            namespace TEXT NOT NULL,
            cpus REAL NOT NULL,
            memory_bytes INTEGER NOT NULL,
            start_time INTEGER NOT NULL,
            stop_time INTEGER NOT NULL,
            line TEXT NOT NULL
        ) STRICT;
        CREATE INDEX billing_by_stop ON billing (stop_time);
        """

    private static let keysAndAudit = """
        CREATE TABLE api_keys (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            hash BLOB NOT NULL CHECK (length(hash) = 32),
            scope TEXT NOT NULL CHECK (scope IN ('admin', 'user', 'read')),
            namespaces TEXT NOT NULL,
            create_time INTEGER NOT NULL,
            last_used_time INTEGER,
            revoke_time INTEGER
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE audit (
            serial INTEGER PRIMARY KEY,
            time INTEGER NOT NULL,
            actor TEXT NOT NULL,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            outcome TEXT NOT NULL,
            detail TEXT NOT NULL
        ) STRICT;
        CREATE INDEX audit_by_time ON audit (time);
        """

    private static let requests = """
        CREATE TABLE requests (
            scope TEXT NOT NULL,
            request_id TEXT NOT NULL,
            create_time INTEGER NOT NULL,
            answer BLOB,
            PRIMARY KEY (scope, request_id)
        ) STRICT, WITHOUT ROWID;
        """

    /// Environments by name; tags as a JSON list.
    private static let catalog = """
        CREATE TABLE catalog (
            name TEXT PRIMARY KEY,
            image TEXT NOT NULL,
            owner TEXT NOT NULL,
            description TEXT NOT NULL,
            tags TEXT NOT NULL,
            extra_spec TEXT,
            create_time INTEGER NOT NULL,
            update_time INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
}
