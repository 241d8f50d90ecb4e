import { serve } from "../lib/serve";
import { plugin } from "./plugin";

serve(plugin);
