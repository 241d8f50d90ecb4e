import { serve } from "../lib/serve";
import { awsPlugin } from "./plugin";

serve(awsPlugin);
