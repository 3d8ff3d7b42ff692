import Glibc

/// A user of the sandbox, as its own `/etc/passwd` and `/etc/group` know it. The C library's look-ups need plug-ins that a
/// static program cannot load.
package struct UserAccount: Equatable, Sendable {
    package var name: String
    package var user: UInt32
    package var group: UInt32
    /// Every group the user is in, the first one included.
    package var groups: [UInt32]
    package var home: String
    package var shell: String

    /// Kernels take more, but no image has them.
    private static let groupLimit = 1024

    /// Looks a user up by name, by number, or by `number:number`, which need not be known to the image.
    ///
    /// - Throws: ``RockletException``: `KeyError` where there is no such user.
    package static func find(_ text: String) throws(RockletException) -> UserAccount {
        let lines = ProcFile.lines("/etc/passwd").map { $0.split(separator: ":", omittingEmptySubsequences: false) }
        if let fields = lines.first(where: { $0.count >= 7 && $0[0] == text }), let account = account(fields) {
            return account
        }
        let numbers = text.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
        guard 1...2 ~= numbers.count, let user = numbers[0], let group = numbers.last, let group,
            user != UInt32.max, group != UInt32.max
        else {
            throw RockletException(.key, "There is no user \(PythonText.quoted(text)) in this sandbox's /etc/passwd.")
        }
        let known = lines.first { $0.count >= 7 && UInt32($0[2]) == user }.flatMap(account)
        guard numbers.count == 1, let known else {
            return UserAccount(
                name: known?.name ?? text, user: user, group: group, groups: [group], home: known?.home ?? "/",
                shell: known?.shell ?? "/bin/sh")
        }
        return known
    }

    private static func account(_ fields: [Substring]) -> UserAccount? {
        guard let user = UInt32(fields[2]), let group = UInt32(fields[3]) else { return nil }
        let name = String(fields[0])
        return UserAccount(
            name: name, user: user, group: group, groups: [group] + groups(of: name, besides: group),
            home: fields[5].isEmpty ? "/" : String(fields[5]), shell: fields[6].isEmpty ? "/bin/sh" : String(fields[6]))
    }

    private static func groups(of name: String, besides first: UInt32) -> [UInt32] {
        var groups: [UInt32] = []
        for line in ProcFile.lines("/etc/group") where groups.count < groupLimit {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count >= 4, let number = UInt32(fields[2]), number != first, !groups.contains(number) else {
                continue
            }
            if fields[3].split(separator: ",").contains(where: { $0 == name }) { groups.append(number) }
        }
        return groups
    }

    /// What `su` sets for the user.
    package var variables: [(name: String, value: String)] {
        [("HOME", home), ("SHELL", shell), ("USER", name), ("LOGNAME", name)]
    }
}
