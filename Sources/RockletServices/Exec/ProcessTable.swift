import GEM
import Glibc

/// The processes of the sandbox, as `/proc` lists them.
enum ProcessTable {
    struct Entry {
        var id: Int32
        var parent: Int32
        var group: Int32
        var session: Int32
        /// One letter: `R`unning, `S`leeping, `Z`ombie…
        var state: Character
        var user: UInt32
        /// Processor time so far, in milliseconds.
        var processorMilliseconds: Int
        var residentBytes: Int
        /// The arguments; for a process without any, its name in brackets.
        var command: String

        func write(to json: inout JSONWriter) {
            json.beginObject()
            json.name("pid")
            json.integer(id)
            json.name("ppid")
            json.integer(parent)
            json.name("pgid")
            json.integer(group)
            json.name("sid")
            json.integer(session)
            json.name("state")
            json.string(String(state))
            json.name("uid")
            json.integer(user)
            json.name("cpu_ms")
            json.integer(processorMilliseconds)
            json.name("rss")
            json.integer(residentBytes)
            json.name("command")
            json.string(command)
            json.endObject()
        }
    }

    /// How many are listed at most.
    private static let limit = 10_000
    /// How much of each command line is kept.
    private static let commandLimit = 4096  // bytes

    /// Every process that can be seen, by number.
    static func all() -> [Entry] {
        ids().sorted().prefix(limit).compactMap(entry)
    }

    /// The living descendants of `process` and every living member of its session, without itself.
    static func descendants(of process: Int32) -> [Int32] {
        let stats = ids().compactMap { id in stat(id).map { (id, $0) } }
        var found: Set<Int32> = [process]
        var grows = true
        while grows {
            grows = false
            for (id, stat) in stats where !found.contains(id) {
                if found.contains(stat.parent) || stat.session == process {
                    found.insert(id)
                    grows = true
                }
            }
        }
        return found.subtracting([process]).sorted()
    }

    /// The living members of the process group `group`.
    static func members(ofGroup group: Int32) -> [Int32] {
        ids().filter { stat($0)?.group == group }
    }

    private static func ids() -> [Int32] { ProcFile.names(in: "/proc").compactMap { Int32($0) } }

    private struct Stat {
        var name: String
        var state: Character
        var parent: Int32
        var group: Int32
        var session: Int32
        var ticks: Int
        var residentPages: Int
    }

    /// `nil` where the process has gone meanwhile.
    private static func stat(_ id: Int32) -> Stat? {
        guard let bytes = ProcFile.read("/proc/\(id)/stat") else { return nil }
        // The name stands in parentheses and may hold some itself.
        guard let open = bytes.firstIndex(of: 0x28), let close = bytes.lastIndex(of: 0x29), open < close else {
            return nil
        }
        let fields = String(decoding: bytes[(close + 1)...], as: UTF8.self).split(separator: " ")
        guard fields.count > 21, let state = fields[0].first, let parent = Int32(fields[1]),
            let group = Int32(fields[2]),
            let session = Int32(fields[3])
        else { return nil }
        return Stat(
            name: String(decoding: bytes[(open + 1)..<close], as: UTF8.self), state: state, parent: parent,
            group: group,
            session: session, ticks: (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0),
            residentPages: Int(fields[21]) ?? 0)
    }

    private static func entry(_ id: Int32) -> Entry? {
        guard let stat = stat(id) else { return nil }
        guard let user = ProcFile.owner(of: "/proc/\(id)") else { return nil }
        let words = ProcFile.read("/proc/\(id)/cmdline", upTo: commandLimit) ?? []
        let command = String(decoding: words.map { $0 == 0 ? 0x20 : $0 }, as: UTF8.self)
        return Entry(
            id: id, parent: stat.parent, group: stat.group, session: stat.session, state: stat.state,
            user: user, processorMilliseconds: stat.ticks * 1000 / max(1, sysconf(Int32(_SC_CLK_TCK))),
            residentBytes: stat.residentPages * Int(sysconf(Int32(_SC_PAGESIZE))),
            command: command.isEmpty ? "[\(stat.name)]" : String(command.reversed().drop { $0 == " " }.reversed()))
    }
}
