import CLinux
import GEM
import Glibc

/// The folders as a host notes them for the next one, which may be started from another place in the tree.
extension CgroupTree {
    /// `{"version", "branches": [{"path", "controllers"}…], "missing": {controller: reason}}`.
    var note: JSON {
        var missing = JSON.Object()
        for (controller, reason) in self.missing.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            missing[controller.rawValue] = .string(reason)
        }
        let branches = branches.map { branch -> JSON in
            let controllers = branch.controllers.map(\.rawValue).sorted().map(JSON.string)
            return ["path": .string(branch.path), "controllers": .array(controllers)]
        }
        return [
            "version": .number(JSON.Number(Int(version))), "branches": .array(branches), "missing": .object(missing),
        ]
    }

    /// Goes on with the folders that `note` names; `nil` where it is none, or they are not there any more.
    ///
    /// - Parameters:
    ///   - note: What ``note`` was.
    ///   - living: The slots that jails are in.
    convenience init?(note: JSON, living: some Sequence<UInt32>) {
        guard let version = note["version"]?.int, 1...2 ~= version, let list = note["branches"]?.array,
            let reasons = note["missing"]?.object
        else { return nil }
        var missing: [Controller: String] = [:]
        for (name, value) in reasons.members {
            guard let controller = Controller(rawValue: name), let reason = value.string else { return nil }
            missing[controller] = reason
        }
        var branches: [Branch] = []
        for item in list {
            var lock: Int32 = -1
            guard let path = item["path"]?.string, let names = item["controllers"]?.array,
                rock_share_folder(path, &lock) == 0
            else {
                for branch in branches { close(branch.lock) }
                return nil
            }
            let controllers = names.compactMap { $0.string.flatMap(Controller.init(rawValue:)) }
            branches.append(Branch(path: path, controllers: Set(controllers), lock: lock))
        }
        self.init(version: UInt32(version), branches: branches, missing: missing, living: living)
    }
}
