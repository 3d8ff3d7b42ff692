// Envs
