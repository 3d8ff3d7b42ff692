import GEM
import Glibc

/// What a zygote is started with, and whether another server can use it.
extension HostConfiguration {
    /// The options that decide what its jails are.
    var zygoteArguments: [String] {
        let wanted = Wall.allCases.filter { !omittedWalls.contains($0) }.compactMap(\.bit)
        let walls = wanted.reduce(0) { $0 | 1 << $1 }
        return ["--user-base", "\(firstUserID)", "--walls", "\(walls)"] + (geteuid() == 0 ? [] : ["--own-user"])
    }

    /// Names the program and everything that jails are made with: a server uses no zygote of another identity. The 64-bit
    /// FNV-1a hash of both; what the server and a jail say to each other is the program's.
    var zygoteIdentity: UInt64 {
        var file = stat()
        // Without a program there is no zygote either.
        guard stat(rockletPath, &file) == 0 else { return 0 }
        let words =
            zygoteArguments + [minimumIsolation.rawValue, "\(file.st_dev) \(file.st_ino) \(file.st_size)"]
            + ["\(file.st_mtim.tv_sec).\(file.st_mtim.tv_nsec)"]
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in words.joined(separator: " ").utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash
    }
}
