import Admin

extension Command {
    /// `rockctl version`, and `rockctl --version`.
    static let version: Command = .init("version", summary: "Show the version") { call in
        try call.console.write("rockctl \(Rock.version)\n")
        return .success
    }
}

/// The product as a whole.
enum Rock {
    /// The version of every part, by semantic versioning.
    static let version = "0.1.0"
}
