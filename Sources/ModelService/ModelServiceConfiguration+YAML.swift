import ConfigurationFiles
package import GEM

extension ModelServiceConfiguration {
    /// Takes over what a configuration file says; what it does not name stays.
    ///
    /// - Parameters:
    ///   - bytes: The file's bytes, UTF-8.
    ///   - name: What to call the file in errors.
    /// - Throws: ``Failure`` of kind `invalidArgument`, naming file and line.
    package mutating func apply(yaml bytes: [UInt8], name: String) throws(Failure) {
        let file = try YAML(parsing: bytes, name: name)
        var section = try ConfigurationSection(file, name: "a model service's configuration", file: name)
        host = try section.text("host") ?? host
        port = try section.integer("port", in: 0...65535) ?? port
        proxyBaseURL = try section.optionalText("proxy_base_url") ?? proxyBaseURL
        proxyRules = try section.textsByName("proxy_rules") ?? proxyRules
        retryableStatusCodes = try section.integers("retryable_status_codes", in: 400...599) ?? retryableStatusCodes
        if let seconds = try section.integer("request_timeout", in: 1...86_400) { requestTimeout = .seconds(seconds) }
        maximumAttempts = try section.integer("max_attempts", in: 1...100) ?? maximumAttempts
        if let seconds = try section.number("retry_delay", in: 0...3600) { retryDelay = .seconds(seconds) }
        if let seconds = try section.number("longest_retry_after", in: 0...86_400) {
            longestRetryAfter = .seconds(seconds)
        }
        recordingFile = try section.optionalText("recording_file") ?? recordingFile
        replayFile = try section.optionalText("replay_file") ?? replayFile
        trajectory.maximumBytes = try section.bytes("trajectory_bytes", in: 4096...(1 << 50)) ?? trajectory.maximumBytes
        trajectory.keptFiles = try section.integer("trajectory_files", in: 0...1000) ?? trajectory.keptFiles
        try section.refuseUnknownKeys()
    }
}
