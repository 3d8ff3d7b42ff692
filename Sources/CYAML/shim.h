// libyaml (Debian: libyaml-dev), for configuration files: Foundation reads no YAML.
#ifndef ROCK_CYAML_SHIM_H
#define ROCK_CYAML_SHIM_H

#include <yaml.h>

// Swift imports no anonymous unions, so what a node holds is reached through these.

static inline const char *rock_yaml_scalar(const yaml_node_t *node, size_t *length) {
    *length = node->data.scalar.length;
    return (const char *)node->data.scalar.value;
}

static inline int rock_yaml_is_plain(const yaml_node_t *node) {
    return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static inline int rock_yaml_item_count(const yaml_node_t *node) {
    return (int)(node->data.sequence.items.top - node->data.sequence.items.start);
}

static inline int rock_yaml_item(const yaml_node_t *node, int index) {
    return node->data.sequence.items.start[index];
}

static inline int rock_yaml_pair_count(const yaml_node_t *node) {
    return (int)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
}

static inline yaml_node_pair_t rock_yaml_pair(const yaml_node_t *node, int index) {
    return node->data.mapping.pairs.start[index];
}

#endif
