import CLinux
import GEM
import Transport

/// What the doctor wants to know.
extension FabricKernel {
    static let remedy =
        "Run the server as root on a kernel with nf_tables, connection tracking and veth: modprobe nf_tables nft_ct nft_masq "
        + "nft_fib_inet nft_reject_inet nft_connlimit veth. Without, sandboxes can run with the network policy none."
    static let forwardingRemedy =
        "Let sandboxes through the other firewall: iptables -I FORWARD -i rock+ -j ACCEPT and iptables -I FORWARD -o rock+ "
        + "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT (Docker: the same in DOCKER-USER)."

    /// Sets everything up for one sandbox, in a namespace that nobody else sees.
    ///
    /// - Returns: What works.
    /// - Throws: ``Failure`` or ``SystemCallError`` with what does not.
    func tryRules() throws -> String {
        let machine = try NetworkNamespace.make()
        let sandbox = try NetworkNamespace.make()
        var configuration = NetworkConfiguration(dataDirectory: "examination")
        configuration.machine = machine.rawValue
        let trial = try FabricKernel(configuration)
        let list = try AllowList(["192.0.2.1:443", "example.org"], limit: 2, forbidden: [])
        guard let id = SandboxID(rawValue: "examination") else { return "" }
        let place = try trial.attach(id, sandbox.rawValue, list)
        try trial.admit([(IPv4(0xC000_0201), [nil, 443])], for: .seconds(60), id)
        try trial.release(id)
        return "interfaces, rules and address translation work, as tried with \(place.address)"
    }

    /// Looks for other firewalls that let nothing pass unless told to.
    func tryForwarding() throws -> String {
        let strict = try FilterTables.chains(in: machine).filter {
            $0.hook == UInt32(ROCK_HOOK_FORWARD) && $0.drops && $0.table != names.table
        }
        guard let chain = strict.first else { return "no other firewall stops what sandboxes send" }
        throw Failure(
            .infraFailed, "the chain \(chain.name) of table \(chain.table) drops what it is not told to let through")
    }
}
