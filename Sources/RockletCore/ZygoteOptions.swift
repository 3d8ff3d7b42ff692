import CLinux
import Glibc

/// What the server says on a zygote's command line.
struct ZygoteOptions {
    /// The connection to the server.
    var control: Int32 = 3
    /// Bits of `rock_wall`: the walls to build.
    var walls: UInt32 = (1 << UInt32(ROCK_WALL_COUNT)) - 1
    /// The jail in slot `n` is user `userBase + n` outside.
    var userBase: UInt32 = 100_000
    /// Jails are the user who started the server.
    var isOwnUser = false
    /// 1 or 2.
    var cgroupVersion: UInt32 = 2
    /// Folders that hold one folder for each jail, at most `ROCK_ZYGOTE_CGROUPS`.
    var cgroups: [String] = []
    /// Where to listen for the next server.
    var door: String?
    /// Seconds to wait for it.
    var linger: UInt32 = 0
    /// What the next server compares.
    var identity: UInt64 = 0

    static let usage = """
        usage: rocklet zygote [--control-fd N] [--walls BITS] [--user-base UID] [--own-user]
                              [--cgroup-version 1|2] [--cgroup FOLDER]...
                              [--door SOCKET] [--linger SECONDS] [--identity N]
        """

    struct Malformed: Error {
        let message: String
    }

    static func parse(_ words: [String]) -> Result<ZygoteOptions, Malformed> {
        guard words.first == "zygote" else {
            return .failure(Malformed(message: "the first word must be \"zygote\"; a server starts this program"))
        }
        var options = ZygoteOptions()
        var rest = words.dropFirst()
        while let name = rest.popFirst() {
            if name == "--own-user" {
                options.isOwnUser = true
                continue
            }
            guard let value = rest.popFirst() else { return .failure(Malformed(message: "\(name) needs a value")) }
            guard options.set(name, to: value) else {
                return .failure(Malformed(message: "\(name) \(value) is not understood"))
            }
        }
        return .success(options)
    }

    /// Returns whether there is an option `name` and `value` fits it.
    private mutating func set(_ name: String, to value: String) -> Bool {
        if name == "--cgroup" {
            guard cgroups.count < Int(ROCK_ZYGOTE_CGROUPS), value.utf8.first == 0x2F else { return false }
            cgroups.append(value)
            return true
        }
        if name == "--door" {
            guard value.utf8.first == 0x2F else { return false }
            door = value
            return true
        }
        if name == "--identity" {
            guard let number = UInt64(value) else { return false }
            identity = number
            return true
        }
        guard let number = UInt32(value), number <= Int32.max else { return false }
        switch name {
        case "--control-fd": control = Int32(number)
        case "--walls": walls = number
        case "--user-base": userBase = number
        case "--cgroup-version": cgroupVersion = number
        case "--linger": linger = number
        default: return false
        }
        return true
    }

    /// Lends the options in C's form.
    func withZygote(_ body: (UnsafePointer<rock_zygote>) -> Void) {
        var zygote = rock_zygote()
        zygote.control = control
        zygote.walls = walls
        zygote.user_base = userBase
        zygote.own_user = isOwnUser ? 1 : 0
        zygote.cgroup_version = cgroupVersion
        zygote.linger = linger
        zygote.identity = identity
        let paths = (cgroups + [door].compactMap(\.self)).map { strdup($0) }
        withUnsafeMutableBytes(of: &zygote.cgroups) { room in
            let slots = room.bindMemory(to: UnsafePointer<CChar>?.self)
            for (index, path) in paths.prefix(cgroups.count).enumerated() {
                slots[index] = path.map { UnsafePointer($0) }
            }
        }
        if door != nil { zygote.door = paths[cgroups.count].map { UnsafePointer($0) } }
        body(&zygote)
        // In a jail now: nor may it learn where its limits are kept.
        for case let path? in paths {
            memset(path, 0, strlen(path))
            free(path)
        }
    }
}
