/// What few clients ask for, apart from the record so that the others' records stay small; equal ones are shared.
final class SandboxExtras: Hashable, Sendable {
    let limitCPUs: Double?
    let numGPUs: Double?
    let acceleratorType: String?
    let disk: String?
    let diskLimitRootfs: String?
    let authToken: String?
    let createUserGrayFlag: Bool?

    /// `nil` where `request` asks for none of it.
    init?(_ request: SandboxRequest) {
        limitCPUs = request.limitCPUs
        numGPUs = request.numGPUs
        acceleratorType = request.acceleratorType
        disk = request.disk
        diskLimitRootfs = request.diskLimitRootfs
        authToken = request.authToken
        createUserGrayFlag = request.createUserGrayFlag
        if limitCPUs == nil, numGPUs == nil, acceleratorType == nil, disk == nil, diskLimitRootfs == nil,
            authToken == nil, createUserGrayFlag == nil
        {
            return nil
        }
    }

    static func == (one: SandboxExtras, other: SandboxExtras) -> Bool {
        one === other
            || one.limitCPUs == other.limitCPUs && one.numGPUs == other.numGPUs
                && one.acceleratorType == other.acceleratorType && one.disk == other.disk
                && one.diskLimitRootfs == other.diskLimitRootfs && one.authToken == other.authToken
                && one.createUserGrayFlag == other.createUserGrayFlag
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(limitCPUs)
        hasher.combine(numGPUs)
        hasher.combine(acceleratorType)
        hasher.combine(disk)
        hasher.combine(diskLimitRootfs)
        hasher.combine(authToken)
        hasher.combine(createUserGrayFlag)
    }
}

extension SandboxRecord {
    package var limitCPUs: Double? { extras?.limitCPUs }
    package var numGPUs: Double? { extras?.numGPUs }
    package var acceleratorType: String? { extras?.acceleratorType }
    /// As the client wrote it.
    package var disk: String? { extras?.disk }
    /// As the client wrote it.
    package var diskLimitRootfs: String? { extras?.diskLimitRootfs }
    package var authToken: String? { extras?.authToken }
    package var createUserGrayFlag: Bool? { extras?.createUserGrayFlag }
}
