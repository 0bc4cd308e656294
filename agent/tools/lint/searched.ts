/** Where people and builds put things. Packages' own folders hold keys of tests, which are nobody's. */
const searched = /^\/(etc|root|home|opt|srv|var\/lib|var\/www|usr\/local|app|data)\//;

/** Rules of their own, public by nature, or other people's packages. */
const exempt =
  /^\/(etc\/ssh\/ssh_host_|usr\/local\/(share\/(doc|man|ca-certificates)|lib\/node_modules|include|go\/src)\/)|\/(node_modules|site-packages|dist-packages|lib\/python[\d.]+|\.cache|\.npm\/_cacache|\.cargo\/registry|go\/pkg\/mod|\.git\/objects)\/|^\/var\/lib\/((dpkg|apt|rpm|moult)\/|(docker|containers|containerd)\/.*\/usr\/)/;

/** Names that some sign of a secret asks for. */
const names =
  /(\.(pem|key|p8|p12|asc|txt|conf|json|ya?ml)|\/id_\w+|\/[^./]+|\.env(\.[\w-]+)?|\/\.[\w.-]+|\/credentials\.db)$/;

export function mayHoldSecrets(path: string): boolean {
  return searched.test(path) && names.test(path) && !exempt.test(path);
}
