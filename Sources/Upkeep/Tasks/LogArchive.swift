package import GEM
import Glibc

/// Compresses logs that the server has put aside (`rocklet.log.1`, say), and removes archives that are old enough.
package struct LogArchive: UpkeepTask {
    private let folder: String?
    private let youngest: Int64
    private let keep: Int64

    package init(_ parameters: inout TaskParameters) throws(Failure) {
        folder = try parameters.text("log_root")
        youngest = Int64((try parameters.number("min_age_hours", in: 0...87_600) ?? 1) * 3600)
        keep = Int64((try parameters.number("keep_days", in: 0...36_500) ?? 30) * 86_400)
    }

    package func run(at workplace: Workplace) async throws(Failure) -> TaskReport {
        guard let folder = folder ?? workplace.logs else {
            throw Failure(.invalidArgument, "The server writes no log files; name a folder in the parameter log_root.")
        }
        if folder != workplace.logs { _ = try workplace.root(of: folder) }
        let archive = folder + "/archive"
        guard mkdir(archive, 0o700) == 0 || errno == EEXIST else {
            throw Failure(.infraFailed, "\(archive) cannot be made: \(String(cString: strerror(errno))).")
        }
        let now = Int64(time(nil))
        guard let gzip = SystemProgram.find("gzip") else {
            throw Failure(.infraFailed, "The program gzip is missing. Install it: apt-get install gzip.")
        }
        var archived: [JSON] = []
        for (name, written) in try Self.files(in: folder) where Self.isAside(name) && now - written >= youngest {
            if Task.isCancelled { break }
            // Moved first: its old name is given out again at the next rotation.
            let target = "\(archive)/\(written)-\(name)"
            guard rename("\(folder)/\(name)", target) == 0 else {
                throw Failure(.infraFailed, "\(folder)/\(name) cannot be moved: \(String(cString: strerror(errno))).")
            }
            let outcome = try await SystemProgram.run(
                gzip, ["-f", "--", target], log: workplace.taskLog("log_archive"), on: workplace.loop)
            guard outcome.isSuccess else { throw Failure(.infraFailed, "gzip \(outcome): \(outcome.output)") }
            archived.append(.string("\(written)-\(name).gz"))
        }
        var removed = 0
        for (name, written) in try Self.files(in: archive) where name.hasSuffix(".gz") && now - written > keep {
            if unlink("\(archive)/\(name)") == 0 { removed += 1 }
        }
        return TaskReport(
            .success, details: ["archived": .array(archived), "removed_archives": .number(JSON.Number(removed))])
    }

    /// Whether the server has put a file of this name aside: it ends with the number of the rotation.
    static func isAside(_ name: String) -> Bool {
        guard let dot = name.lastIndex(of: ".") else { return false }
        let number = name[name.index(after: dot)...]
        return name[..<dot].hasSuffix(".log") && Int(number) != nil
    }

    /// The regular files of a folder, with the second they were last written in.
    private static func files(in folder: String) throws(Failure) -> [(name: String, written: Int64)] {
        guard let stream = opendir(folder) else {
            throw Failure(.infraFailed, "\(folder) cannot be read: \(String(cString: strerror(errno))).")
        }
        defer { closedir(stream) }
        var files: [(name: String, written: Int64)] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            var facts = stat()
            guard fstatat(dirfd(stream), name, &facts, AT_SYMLINK_NOFOLLOW) == 0, facts.st_mode & S_IFMT == S_IFREG
            else {
                continue
            }
            files.append((name, Int64(facts.st_mtim.tv_sec)))
        }
        return files.sorted { $0.name < $1.name }
    }
}
