/** The CDK app, and at its end a wait for a signal that nobody sends: an upgrade that fails once all of the functions are new. */

import { App, CfnWaitCondition, CfnWaitConditionHandle } from "aws-cdk-lib";
import { addStacks } from "../../../infra/app.ts";
import { deploymentFile } from "../../../infra/deployment-file.ts";

const app = new App();
const { application } = addStacks(app, await deploymentFile("config/development.yaml", process.env));
const handle = new CfnWaitConditionHandle(application, "NobodySignals").ref;
const wait = new CfnWaitCondition(application, "Waits", { handle, timeout: "1", count: 1 });
wait.node.addDependency(application.node.findChild("Functions"), application.node.findChild("Api"));
