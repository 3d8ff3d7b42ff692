import Foundation

/// The command lines of this machine's processes.
enum ProcessNames {
    static func count(where isWanted: (String) -> Bool) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []  // always there
        return names.count { name in
            // A process may end while we look.
            guard Int(name) != nil, let bytes = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") else {
                return false
            }
            return isWanted(String(decoding: bytes, as: UTF8.self))
        }
    }
}
