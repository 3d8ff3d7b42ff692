/// One end of a copy, as a command line names it: `-`, a path here, or `SANDBOX:PATH`.
enum CopyPlace: Equatable, Sendable {
    case stream
    case here(String)
    case inside(sandbox: String, path: String)

    /// What comes before a colon is a sandbox unless it looks like a path; `./a:b` is a path.
    init(_ word: String) {
        if word == "-" {
            self = .stream
        } else if let colon = word.firstIndex(of: ":"), colon > word.startIndex, !word[..<colon].contains("/"),
            !word.hasPrefix(".")
        {
            let path = String(word[word.index(after: colon)...])
            self = .inside(sandbox: String(word[..<colon]), path: path.isEmpty ? "/" : path)
        } else {
            self = .here(word)
        }
    }
}

/// Paths, by their text alone.
enum CopyPath {
    /// The last component; empty for `/`, `.` and the like.
    static func name(of path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        return name == "." || name == ".." ? "" : name
    }

    /// Whether a folder's contents are meant and not the folder: it ends in `/.`.
    static func meansContents(_ path: String) -> Bool { path == "." || path.hasSuffix("/.") }

    /// `name` in the folder `path`.
    static func joined(_ path: String, _ name: String) -> String {
        name.isEmpty ? path : path.hasSuffix("/") ? path + name : path + "/" + name
    }
}
