import Glibc
import Synchronization

/// How much of the machine is in use, as `/proc` tells it here.
final class MachineUsage: Sendable {
    struct Reading {
        /// Percent since the last look; 0 at the first.
        var processor = 0.0
        /// Percent of what there is.
        var memory = 0.0
        /// Percent of the root filesystem.
        var disk = 0.0
        /// Bytes received and sent over every interface but loopback.
        var networkBytes = 0
    }

    private let last = Mutex<(busy: Double, all: Double)?>(nil)

    func look() -> Reading {
        Reading(
            processor: processor(), memory: Self.memory(), disk: Self.disk(), networkBytes: Self.networkBytes())
    }

    private func processor() -> Double {
        guard let line = ProcFile.lines("/proc/stat").first else { return 0 }
        let times = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard times.count >= 5 else { return 0 }
        let all = times.prefix(8).reduce(0, +)
        let busy = all - times[3] - times[4]  // idle, and waiting for the disk
        return last.withLock { last in
            defer { last = (busy, all) }
            guard let last, all > last.all else { return 0 }
            return Self.percent(busy - last.busy, of: all - last.all)
        }
    }

    private static func memory() -> Double {
        var sizes: [Substring: Double] = [:]
        for line in ProcFile.lines("/proc/meminfo") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            sizes[parts[0]] = parts[1].split(separator: " ").first.flatMap { Double($0) }
        }
        guard let total = sizes["MemTotal"], let available = sizes["MemAvailable"] else { return 0 }
        return percent(total - available, of: total)
    }

    private static func disk() -> Double {
        var status = statvfs()
        guard statvfs("/", &status) == 0 else { return 0 }
        let used = Double(status.f_blocks) - Double(status.f_bfree)
        return percent(used, of: used + Double(status.f_bavail))
    }

    private static func networkBytes() -> Int {
        ProcFile.lines("/proc/net/dev").reduce(0) { sum, line in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].drop(while: { $0 == " " }) != "lo" else { return sum }
            let columns = parts[1].split(separator: " ").compactMap { Int($0) }
            return columns.count > 8 ? sum &+ columns[0] &+ columns[8] : sum
        }
    }

    private static func percent(_ part: Double, of whole: Double) -> Double {
        guard whole > 0 else { return 0 }
        return (max(0, min(part / whole, 1)) * 1000).rounded() / 10
    }
}
