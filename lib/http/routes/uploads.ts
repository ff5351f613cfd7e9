/** POST /v1/uploads: where to put a request that is larger than the gateway in front of the service lets through. */

import { isJsonObject, type Json } from "../../delta/values/json.ts";
import { invalid, notFound } from "../../errors.ts";
import type { Uploads } from "../../ports.ts";
import { checked } from "../../validation.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { answers } from "../../wire/contracts/responses.ts";
import {
  uploadAnswer,
  uploadAnswerExample,
  uploadExamples,
  uploadedCommit,
  uploadRequest,
} from "../../wire/contracts/uploads.ts";
import { readJsonText } from "../../wire/json-text.ts";
import { bodyLimit, type Endpoint, endpoint, type Host, json } from "../endpoint.ts";

export const uploadRoutes: readonly Endpoint[] = [
  endpoint(
    "createUpload",
    {
      tags: ["commits"],
      summary: "A place for a commit that is too large to be sent directly",
      description:
        "API Gateway and Lambda take some 6 MB. PUT a larger CommitRequest to the URL that is answered, then " +
        'send `{"upload": "<uploadId>"}` to `POST /v1/commits`. Where nothing is in between (`dl serve`), ' +
        "there are no uploads, and none is needed.",
      body: { schema: uploadRequest, examples: uploadExamples },
      responses: {
        201: answers("Where to put it.", uploadAnswer, uploadAnswerExample),
        ...problems(400, 404, 413, 415),
      },
    },
    async ({ body }, host) => {
      const { bytes } = checked(uploadRequest, await body());
      const limitBytes = bodyLimit(host);
      if (bytes > limitBytes) {
        throw invalid(`${bytes} bytes are more than ${limitBytes}`, {
          at: "/bytes",
          code: "BODY_TOO_LARGE",
          hint: "Split the commit into several.",
          facts: { limitBytes },
        });
      }
      return json(201, await uploadsOf(host).offer({ bytes }));
    },
  ),
];

/** The request itself, wherever it was sent to. @throws LakeError notFound UPLOAD_NOT_FOUND, invalid */
export async function withUpload(body: Json, host: Host): Promise<Json> {
  if (!isJsonObject(body) || !Object.hasOwn(body, "upload")) return body;
  const { upload } = checked(uploadedCommit, body);
  return readJsonText(await uploadsOf(host).read(upload, { limitBytes: bodyLimit(host) }));
}

function uploadsOf(host: Host): Uploads {
  if (host.uploads) return host.uploads;
  const limitBytes = bodyLimit(host);
  throw notFound("this server has no uploads", {
    code: "NO_UPLOADS",
    hint: `Send the request itself to POST /v1/commits: up to ${limitBytes} bytes.`,
    facts: { limitBytes },
  });
}
