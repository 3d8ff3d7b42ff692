import GEM

/// The shapes of what ROCK's sandbox interface takes and gives.
enum SandboxSchemas {
    static let id = Field.required("sandbox_id", .text(least: 1, most: 128))
    static let idInQuery = Field.required("sandbox_id", .text(least: 1, most: 128))
    static let requestID = Field.optional(
        "request_id", .text(least: 1, most: 256).orNull, "A repeat with the same id gets the first answer")

    /// A size such as `8g`, or a number of bytes.
    static let size = Schema(.either([.text(most: 64), .number()]), isNullable: true)

    static let start: [Field] = [
        .optional("image", .text(most: 1024), "An image's name, or `host` for the machine's own tree"),
        .optional("sandbox_id", .text(most: 128).orNull, "1 to 63 of a-z, 0-9 and -"),
        .optional("runtime", .text(most: 64).orNull, "jail or docker"),
        .optional("cpus", .number().orNull), .optional("limit_cpus", .number().orNull),
        .optional("memory", size), .optional("disk", size), .optional("processes", .number().orNull),
        .optional("auto_clear_time_minutes", .number().orNull), .optional("auto_clear_time", .number().orNull),
        .optional("auto_archive_seconds", .number().orNull), .optional("auto_delete_seconds", .number().orNull),
        .optional("startup_timeout", .number().orNull), .optional("pull", .text(most: 64).orNull),
        .optional("image_os", .text(most: 64).orNull), .optional("num_gpus", .number().orNull),
        .optional("accelerator_type", .text(most: 1024).orNull), .optional("use_kata_runtime", Schema.boolean.orNull),
        .optional("registry_username", .text(most: 1024).orNull), .optional("registry_password", Schema.secret.orNull),
        .optional("network", Schema(.either([.text(most: 64), .list(of: .text(most: 1024))]), isNullable: true)),
        .optional("env", Schema(.map(.text), isNullable: true)), .optional("hostname", .text(most: 64).orNull),
        .optional("ports", Schema.list(of: .integer(1...65_535), 0...64).orNull),
        .optional(
            "mounts", Schema.list(of: .text(most: 8192), 0...16).orNull,
            "`/on/the/host:/inside`, with `:rw` behind to write; what the server's configuration allows"),
        .optional("metadata", Schema(.map(.text(most: 1024)), isNullable: true)), requestID,
        .optional("lease", .text(most: 16).orNull, "`connection` stops it with the client's connection"),
    ]

    static let started = Schema.object(
        .required("sandbox_id", .text), .required("host_name", .text.orNull), .required("host_ip", .text.orNull),
        .required("cpus", .number().orNull), .required("memory", .text.orNull))

    static let status = Schema.object(
        .required("sandbox_id", .text), .required("status", .map(of: .any)), .required("state", .text.orNull),
        .required("port_mapping", .map(of: .integer(0...65_535))), .required("host_name", .text),
        .required("host_ip", .text), .required("is_alive", .boolean), .required("image", .text))

    static let createSession: [Field] = [
        id, .optional("session", .text(least: 1, most: 256), default: "default"),
        .optional("session_type", .word("bash"), default: "bash"),
        .optional("startup_source", .list(of: .text, 0...256), default: []),
        .optional("env_enable", .boolean, default: false), .optional("env", Schema(.map(.text), isNullable: true)),
        .optional("remote_user", .text(most: 256).orNull), .optional("startup_timeout", .number().orNull),
        .optional("max_read_size", .integer(1...1 << 30).orNull),
        .optional("rows", .integer(1...10_000).orNull), .optional("cols", .integer(1...10_000).orNull),
    ]

    static let run: [Field] = [
        id, .required("command", .text(most: 64 << 20)), .optional("action_type", .word("bash"), default: "bash"),
        .optional("session", .text(least: 1, most: 256), default: "default"),
        .optional("timeout", .number().orNull, "Seconds"),
        .optional("check", .word("raise", "silent", "ignore"), default: "raise"),
        .optional("is_interactive_command", .boolean, default: false),
        .optional("is_interactive_quit", .boolean, default: false),
        .optional("expect", .list(of: .text, 0...256), default: []), .optional("error_msg", .text, default: ""),
    ]

    static let observation = Schema.object(
        .required("output", .text), .required("exit_code", .integer().orNull), .required("failure_reason", .text),
        .required("expect_string", .text))

    static let execute: [Field] = [
        id, .required("command", .either(.text(most: 64 << 20), .list(of: .text(most: 64 << 20), 1...100_000))),
        .optional("timeout", .number().orNull, "Seconds"), .optional("env", Schema(.map(.text), isNullable: true)),
        .optional("cwd", .text(most: 4096).orNull), .optional("shell", .boolean, default: false),
        .optional("check", .boolean, default: false), .optional("error_msg", .text, default: ""),
        .optional("user", .text(most: 256).orNull), .optional("stdin", .text(most: 64 << 20).orNull),
        .optional("encoding", .text(most: 64).orNull, "`base64` for output that is no text"), requestID,
    ]

    static let executed = Schema.object(
        .required("stdout", .text), .required("stderr", .text), .required("exit_code", .integer().orNull))

    static let done = Schema.object(
        .required("success", .boolean), .required("message", .text), .optional("file_name", .text))
}
