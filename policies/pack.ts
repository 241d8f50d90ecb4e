import { PolicyPack } from "@pulumi/policy";
import { RULES } from "./policies";

new PolicyPack("fitnesscrm", {
  displayName: "FitnessCRM operations manual",
  description: "Refuses what the operations manual forbids, in its words.",
  enforcementLevel: "mandatory",
  policies: RULES.map(({ policy }) => policy),
});
