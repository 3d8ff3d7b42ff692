import CLinux
import Glibc

/// The rules of one server's table. What a packet of a sandbox's goes through, in this order:
///
/// 1. `guard`, before anything looks at it: it must be IPv4 and from the sandbox's own address, and must not go to this
///    machine, but for its name server.
/// 2. `passing`, where routing sends it on: the sandbox's own chain lets it through or refuses it. Nothing else goes in or
///    out of a sandbox's interface but answers.
/// 3. `leaving`: outside it bears this machine's address.
struct FabricRules: Sendable {
    let names: FabricNames
    let plan: AddressPlan
    /// What no sandbox reaches.
    let forbidden: [IPv4Network]
    let maximumFlows: Int
    /// Interfaces whose forwarding is on for sandboxes only; what else arrives there must not begin to be forwarded.
    let opened: [String]

    static let sandboxes = FilterSet(name: "sandboxes", key: .interface, isMap: true)
    static let sources = FilterSet(name: "sources", key: .interfaceAndAddress)
    private static let answers = Int(ROCK_CT_ESTABLISHED) | Int(ROCK_CT_RELATED)
    private static let namePort: UInt16 = 53

    private var gateway: IPv4Network { IPv4Network(plan.gateway, length: 32) }

    /// Makes everything that all sandboxes share, or makes it anew; sandboxes' own chains stay.
    func putShared(into changes: inout FilterTransaction) {
        let rule = PacketRule()
        let ours = names.interfacePrefix
        let all = FabricNames.anyInterfacePrefix
        changes.addTable()
        changes.addSet(Self.sources)
        changes.addSet(Self.sandboxes)
        changes.addChain("guard", hook: Int(ROCK_HOOK_PREROUTING), priority: -300)
        changes.addChain("arriving", hook: Int(ROCK_HOOK_INPUT), priority: 0)
        changes.addChain("passing", hook: Int(ROCK_HOOK_FORWARD), priority: 0)
        changes.addChain("leaving", hook: Int(ROCK_HOOK_POSTROUTING), priority: 100, type: "nat")
        changes.addChain("forbidden")
        changes.setRules(
            [
                rule.from(ours).isIPv4(false).then(.drop),
                rule.from(ours).hasStrangeSource(Self.sources.name).then(.drop),
                // Here and not on arrival: what others redirect from an address of this machine's would not arrive.
                rule.from(ours).goesTo(gateway, false).goesToThisMachine().reject(),
            ], of: "guard")
        changes.setRules(
            [Int(IPPROTO_UDP), Int(IPPROTO_TCP)].map { kind in
                rule.from(ours).goesTo(gateway).carries(kind).goesTo(port: Self.namePort).then(.accept)
            } + [
                rule.from(ours).reject(),
                // Who is no sandbox has no business at the machine's end of their networks.
                rule.isIPv4().goesTo(gateway).then(.drop),
            ], of: "arriving")
        changes.setRules(
            [
                rule.from(ours).then(byInterface: Self.sandboxes.name),
                rule.from(ours).then(.drop),
                rule.to(ours).hasState(Self.answers).then(.accept),
                rule.to(ours).then(.drop),
            ]
                + opened.map { name in
                    // With the closing zero, the name as a whole is compared.
                    rule.from(name + "\0").to(all, false).hasState(Int(ROCK_CT_NEW)).isRedirected(false).then(.drop)
                }, of: "passing")
        changes.setRules([rule.isIPv4().comesFrom(plan.network).to(all, false).masquerade()], of: "leaving")
        changes.setRules(
            [rule.to(all).reject()] + ForbiddenNetworks.interfaces.map { rule.to($0).reject() }
                + (forbidden + [plan.network]).map { rule.goesTo($0).reject() }, of: "forbidden")
    }

    /// Makes the chain of one sandbox, or makes it anew: what its sets hold stays.
    ///
    /// - Parameters:
    ///   - number: The sandbox's.
    ///   - mark: What its connections bear, so that none of an earlier sandbox of that number is taken for its own.
    ///   - list: Whom it may reach; `nil` for all that is not forbidden.
    ///   - changes: Where to.
    func putSandbox(_ number: Int, mark: UInt32, _ list: AllowList?, into changes: inout FilterTransaction) {
        let rule = PacketRule()
        let chain = names.chain(number)
        var rules = [
            rule.hasState(Self.answers).hasMark(mark).then(.accept),
            rule.hasState(Int(ROCK_CT_NEW), false).then(.drop),
            rule.then(.jump("forbidden")),
            rule.exceeds(connections: maximumFlows).then(.drop),
        ]
        if let list {
            putSets(number, into: &changes)
            for destination in list.destinations {
                let base = rule.goesTo(destination.network)
                if let port = destination.port {
                    rules += withPorts(base) { $0.goesTo(port: port).mark(mark) }
                } else {
                    rules.append(base.mark(mark))
                }
            }
            rules.append(rule.goesTo(addressIn: names.addresses(number)).mark(mark))
            rules += withPorts(rule) { $0.goesTo(endpointIn: names.endpoints(number)).mark(mark) }
            rules.append(rule.reject())
        } else {
            rules.append(rule.mark(mark))
        }
        changes.addChain(chain)
        changes.setRules(rules, of: chain)
        changes.add(source(number), to: Self.sources.name)
        changes.add(interface(number), to: Self.sandboxes.name, verdict: .go(chain))
    }

    /// Removes everything of one sandbox, whether all of it is there or not.
    func removeSandbox(_ number: Int, from changes: inout FilterTransaction) {
        let chain = names.chain(number)
        // What is removed must be there: so all of it is made sure of first.
        putSets(number, into: &changes)
        changes.addChain(chain)
        changes.add(source(number), to: Self.sources.name)
        changes.add(interface(number), to: Self.sandboxes.name, verdict: .go(chain))
        changes.remove(interface(number), from: Self.sandboxes.name)
        changes.remove(source(number), from: Self.sources.name)
        changes.removeChain(chain)
        changes.removeSet(names.addresses(number))
        changes.removeSet(names.endpoints(number))
    }

    /// Lets one sandbox reach an address for some time from now on.
    func admit(
        _ address: IPv4, ports: Set<UInt16?>, for lifetime: Duration, _ number: Int,
        into changes: inout FilterTransaction
    ) {
        for port in ports {
            let set = port == nil ? names.addresses(number) : names.endpoints(number)
            let key = port.map { FilterSet.key(address, port: $0) } ?? address.bytes
            // Adding what is there does not renew it in every kernel, and what is not there cannot be removed.
            changes.add(key, to: set, lifetime: lifetime)
            changes.remove(key, from: set)
            changes.add(key, to: set, lifetime: lifetime)
        }
    }

    private func putSets(_ number: Int, into changes: inout FilterTransaction) {
        changes.addSet(FilterSet(name: names.addresses(number), key: .address, expires: true))
        changes.addSet(FilterSet(name: names.endpoints(number), key: .addressAndPort, expires: true))
    }

    private func withPorts(_ base: PacketRule, _ end: (PacketRule) -> PacketRule) -> [PacketRule] {
        [Int(IPPROTO_TCP), Int(IPPROTO_UDP)].map { end(base.carries($0)) }
    }

    private func interface(_ number: Int) -> [UInt8] { FilterSet.key(interface: names.interface(number)) }
    private func source(_ number: Int) -> [UInt8] { interface(number) + plan.address(number).bytes }
}
