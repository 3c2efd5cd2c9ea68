{
  "this": "is JSON",
  "really": null
}
