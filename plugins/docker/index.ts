/** The process of the docker plugin. */
import { serve } from "../lib/serve";
import { dockerPlugin } from "./plugin";

serve(dockerPlugin);
