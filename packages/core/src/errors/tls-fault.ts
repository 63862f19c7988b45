/** Why a connection over TLS did not come about, for people. */
export interface TlsFault {
  readonly message: string;
  readonly hint: string;
}

const untrusted: TlsFault = {
  message: "its certificate is signed by nobody whom this program trusts",
  hint: "Give the authority's certificate, or a self-signed one itself, by --ca FILE, MYELIN_CA or NODE_EXTRA_CA_CERTS.",
};
const unproven: TlsFault = {
  message: "it asks for a client's certificate, and none that it trusts was shown",
  hint: "Give a certificate and its key by --cert and --key, or MYELIN_CERT and MYELIN_KEY.",
};
const plain: TlsFault = {
  message: "it does not speak TLS there",
  hint: "Is the address one of http: or ws:? Or the port another?",
};

const faults: Readonly<Record<string, TlsFault>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  CERT_SIGNATURE_FAILURE: untrusted,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: unproven,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: unproven,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: unproven,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: unproven,
  ERR_SSL_WRONG_VERSION_NUMBER: plain,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: plain,
  CERT_HAS_EXPIRED: {
    message: "its certificate has expired",
    hint: "Renew it; the node takes the new files without a restart. Or is this machine's clock wrong?",
  },
  CERT_NOT_YET_VALID: {
    message: "its certificate is not valid yet",
    hint: "Is this machine's clock wrong?",
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    message: "its certificate is for another name",
    hint: "Call the node by a name that its certificate has, or make one for this name.",
  },
};

/** What a code of Node's TLS means; undefined for what is no fault of TLS. */
export function tlsFaultOf(code: string | undefined): TlsFault | undefined {
  return code !== undefined && Object.hasOwn(faults, code) ? faults[code] : undefined;
}
