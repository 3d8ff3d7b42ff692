import GEM
import Glibc
import Transport

/// The server whose sandboxes a command is about, and who asks it.
enum ServerAccess {
    static let url = Option(
        "url", .text("URL"), variable: "ROCK_BASE_URL",
        summary: "The server; by default the one that runs in the data directory, or else http://127.0.0.1:8080")
    static let keyFile = Option(
        "key-file", .file,
        summary: "The file with the API key; by default $ROCK_API_KEY, or else ~/.rock/config.ini")
    static let json = Option.flag("json", summary: "Write JSON")

    /// The options of every command that talks to a server.
    static let options: [any CommandOption] = [url, keyFile, ServerSettings.dataDirectory]

    /// A client of the server that `call` names. Nothing is sent yet.
    ///
    /// - Throws: ``CommandError`` for a URL that is none, and for a key file that cannot be read.
    static func open(_ call: Invocation) async throws -> ServerClient {
        let settings = try ClientSettings.read()
        let url = call[url] ?? settings.baseURL ?? runningServer(call) ?? "http://127.0.0.1:8080"
        var headers = settings.headers
        if let key = try key(call, settings) {
            headers.removeAll { $0.name == "xrl-authorization" }
            headers.append(HTTPField("X-API-Key", key))
        }
        let carrier = try await HTTPCarrier(
            url: url, connections: 4, headers: headers,
            // Waits are answered when there is something to say; how long is for each command to limit.
            patience: .seconds(86_400),
            hint: "start one with 'rockctl admin start', or name one by --url or $ROCK_BASE_URL")
        return ServerClient(carrier: carrier)
    }

    /// Whether there is a server to ask: `call` names one, or one runs in the data directory.
    static func isNamed(_ call: Invocation) -> Bool { call[url] != nil || runningServer(call) != nil }

    /// The address that the server of the data directory wrote down.
    private static func runningServer(_ call: Invocation) -> String? {
        // Without a data directory there is no such server, and nothing to complain of.
        guard let directory = try? ServerSettings.dataDirectory(call) else { return nil }
        return try? PidFile.holder(in: directory)?.url
    }

    /// The API key that `call` names, if any.
    static func key(_ call: Invocation) throws -> String? { try key(call, try ClientSettings.read()) }

    private static func key(_ call: Invocation, _ settings: ClientSettings) throws -> String? {
        if let path = call[keyFile] {
            guard let bytes = try ImageArgument.contents(of: path) else {
                throw CommandError(.notFound, "there is no key file \(path)")
            }
            return try checked(String(decoding: bytes, as: UTF8.self), path)
        }
        if let key = Console.variable("ROCK_API_KEY"), !key.isEmpty { return try checked(key, "$ROCK_API_KEY") }
        return settings.key
    }

    /// `text` without blanks around it.
    static func checked(_ text: String, _ place: String) throws -> String {
        let key = text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
        // It becomes a header line.
        guard !key.isEmpty, key.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            throw CommandError(.usage, "\(place) holds no API key")
        }
        return key
    }
}

/// What ROCK's clients keep in `~/.rock/config.ini`: the section `rock` with `base_url` and `api_key`, and `rock.extra_headers`.
struct ClientSettings {
    var baseURL: String?
    var key: String?
    /// Go with every request.
    var headers: [HTTPField] = []

    /// Reads the file that `$ROCK_CLI_DEFAULT_CONFIG_PATH` names, or the usual one; empty where there is none.
    static func read() throws -> ClientSettings {
        let usual = Console.variable("HOME").map { $0 + "/.rock/config.ini" }
        guard let path = Console.variable("ROCK_CLI_DEFAULT_CONFIG_PATH") ?? usual,
            let bytes = try ImageArgument.contents(of: path)
        else { return ClientSettings() }
        return try ClientSettings(String(decoding: bytes, as: UTF8.self), path)
    }

    private init() {}

    private init(_ text: String, _ path: String) throws {
        var section = ""
        for line in text.split(whereSeparator: \.isNewline) {
            let line = trimmed(line)
            if line.hasPrefix("#") || line.hasPrefix(";") || line.isEmpty { continue }
            if line.hasPrefix("["), line.hasSuffix("]") {
                section = String(line.dropFirst().dropLast())
                continue
            }
            guard let sign = line.firstIndex(where: { $0 == "=" || $0 == ":" }) else {
                throw CommandError(.usage, "\(path): '\(printable(String(line)))' is no setting")
            }
            let name = trimmed(line[..<sign]).lowercased()
            let value = String(trimmed(line[line.index(after: sign)...]))
            switch (section, name) {
            case ("rock", "base_url"): baseURL = value
            case ("rock", "api_key"): key = try ServerAccess.checked(value, path)
            case ("rock.extra_headers", _):
                guard (name + value).utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else {
                    throw CommandError(.usage, "\(path): '\(printable(name))' is no header line")
                }
                headers.append(HTTPField(name, value))
            default: break  // what other clients read
            }
        }
    }
}

private func trimmed(_ text: Substring) -> Substring {
    let text = text.drop(while: \.isWhitespace)
    return text[..<(text.lastIndex { !$0.isWhitespace }.map(text.index(after:)) ?? text.startIndex)]
}
