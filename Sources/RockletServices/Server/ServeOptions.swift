/// What the command line of `rocklet serve` says.
package struct ServeOptions: Sendable, Equatable {
    /// Where something listens.
    package enum Place: Sendable, Equatable {
        /// A socket that listens already, inherited under this number.
        case inherited(Int32)
        /// A Unix socket's file, to be made.
        case file(String)
    }

    /// Where the HTTP server listens.
    package var http: Place
    /// Where descriptors are handed over; `nil`: nowhere.
    package var descriptors: Place?
    /// A port of every address, besides; ROCK's own servers use 22555.
    package var tcpPort: UInt16?
    /// What the machine is called inside.
    package var hostname: String?

    static let usage = """
        usage: rocklet serve (--folder PATH | --listen-fd N [--descriptors-fd N]) [--tcp PORT] [--hostname NAME]
               rocklet --version
        """

    struct Malformed: Error {
        let message: String
    }

    /// Reads the words behind `serve`.
    static func parse(_ words: some Sequence<String>) throws(Malformed) -> ServeOptions {
        var values: [String: String] = [:]
        var rest = Array(words)[...]
        while let name = rest.popFirst() {
            guard ["--folder", "--listen-fd", "--descriptors-fd", "--tcp", "--hostname"].contains(name) else {
                throw Malformed(message: "there is no option \(name)")
            }
            guard let value = rest.popFirst() else { throw Malformed(message: "\(name) needs a value") }
            guard values.updateValue(value, forKey: name) == nil else {
                throw Malformed(message: "\(name) is there twice")
            }
        }
        var options: ServeOptions
        switch (values["--folder"], try number(values, "--listen-fd"), try number(values, "--descriptors-fd")) {
        case (let folder?, nil, nil):
            options = ServeOptions(
                http: .file(folder + "/agent.sock"), descriptors: .file(folder + "/descriptors.sock"))
        case (nil, let http?, let descriptors) where http != descriptors:
            options = ServeOptions(http: .inherited(http), descriptors: descriptors.map { .inherited($0) })
        default:
            throw Malformed(message: "say where to listen: --folder or --listen-fd")
        }
        if let text = values["--tcp"] {
            guard let port = UInt16(text), port > 0 else { throw Malformed(message: "--tcp \(text) is no port") }
            options.tcpPort = port
        }
        options.hostname = values["--hostname"]
        return options
    }

    private static func number(_ values: [String: String], _ name: String) throws(Malformed) -> Int32? {
        guard let text = values[name] else { return nil }
        guard let number = Int32(text), number > 2 else {
            throw Malformed(message: "\(name) \(text) is no descriptor above 2")
        }
        return number
    }
}
